"""Hostile clients against `sluice serve`, each beside a well-behaved one who must not notice.

The gateway here answers within five seconds instead of 100 ms, because the machine that tests it is busy with other
tests: whoever waits longer was not held up by the machine. Every attack is short here, and long under the marker
`stress`.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.testing.redis_server import RedisServer
from loadtests.hostile.catalogue import ATTACKS
from tests.live.neighbour import Neighbour
from tests.live.running_gateway import NO_SPARE, ROOT, Running, start, stop

BUDGET_MS = 5_000
GROWTH_MB = {"unfinished-messages": 250, "connections": 120}
"""How much memory a worker may take for an attack, where it is more than for nothing at all."""
NO_GROWTH_MB = 80
REFUSED = 0.05
"""How many of the neighbour's calls may be told to come again: an attacker does take processor time."""

# grpc.aio reads a head to its end before it refuses it, and bounds neither connections nor what they hold together.
KNOWN = {"headers-bomb", "headers-of-400kb", "unfinished-messages", "endless-headers"}

EXPECTED: dict[str, str] = {
    "deadline-5ms": "answers",
    "no-deadline": "answers",
    "one-connection": "answers",
    "connections": "still open",
    "deep-json": "400",
    "body-10mb": "413",
    "body-400mb": "413",
    "chunks-10mb": "413",
    "chunks-400mb": "413",
    "endless-lines": "431",
    "endless-line": "431",
    "endless-path": "431",
    "message-10mb": "answers",
    "message-400mb": "answers",
}
"""What the attacker must have been told at least once."""
LONGER = 10.0
"""How much longer an attack lasts when a busy machine has cut it short of that."""


@pytest.fixture(scope="module", params=["h2corn", "conservative"])
def front(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def gateway(front: str, filled_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = _serve(front, filled_redis, tmp_path_factory.mktemp("hostile"), 1)
    yield running
    assert stop(running) == 0


def _serve(front: str, redis: RedisServer, place: Path, workers: int) -> Running:
    models = place / "models"
    (models / "fraud").mkdir(parents=True)
    text = (ROOT / "models/fraud/deployment.yaml").read_text()
    (models / "fraud/deployment.yaml").write_text(re.sub(r"budget_ms: \d+", f"budget_ms: {BUDGET_MS}", text))
    words = ["--models", str(models), "--bundles", str(ROOT / "models/bundles"), "--workers", str(workers), *NO_SPARE]
    return start(redis, place / "state", front, *words)


def attack(names: list[str], gateway: Running, seconds: float, pace: float) -> dict[str, dict[str, int]]:
    """Let hostile clients loose, one after another; return what each says that it saw."""
    addresses = ["--grpc", gateway.grpc, "--http", gateway.http.removeprefix("http://")]
    words = [*names, *addresses, "--seconds", str(seconds), "--pace", str(pace)]
    done = subprocess.run([sys.executable, "-m", "loadtests.hostile", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen: dict[str, dict[str, int]] = json.loads(done.stdout)
    return seen


def megabytes(pid: int) -> int:
    """What a process holds of memory now."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def withstand(names: list[str], gateway: Running, seconds: float, pace: float) -> None:
    """Attack beside a neighbour: he gets his answers in time, and the worker is the same and hardly larger."""
    workers = gateway.workers()
    before = sum(map(megabytes, workers))
    with Neighbour(gateway, BUDGET_MS / 1e3) as neighbour:
        seen = attack(names, gateway, seconds, pace)
        for name in filter(lambda name: not was_told(seen, name), names):
            seen |= attack([name], gateway, LONGER * seconds, pace)
    assert gateway.workers() == workers, "a worker died"
    growth = sum(map(megabytes, workers)) - before
    print(f"{neighbour.story()}; {growth:+d} MB; the attackers: {seen}")
    ledger = neighbour.ledger
    assert ledger["failed"] == 0, neighbour.wrong
    assert ledger["refused"] <= REFUSED * ledger["sent"], neighbour.wrong
    assert ledger["answered"] + ledger["degraded"] + ledger["refused"] == ledger["sent"] > 0
    assert max(neighbour.times) <= BUDGET_MS / 1e3
    assert growth <= max(GROWTH_MB.get(name, NO_GROWTH_MB) for name in names)
    for name in names:
        assert was_told(seen, name), seen[name]


def was_told(seen: dict[str, dict[str, int]], name: str) -> bool:
    """Whether an attacker was told what he must have been told."""
    return name not in EXPECTED or seen[name].get(EXPECTED[name], 0) > 0


def withstood(front: str) -> list[str]:
    """The attacks that a front promises to withstand."""
    return sorted(ATTACKS.keys() - (KNOWN if front == "conservative" else set()))


def test_a_neighbour_does_not_notice(front: str, gateway: Running) -> None:
    withstand(withstood(front), gateway, seconds=0.15, pace=50)


@pytest.mark.stress
@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_a_neighbour_does_not_notice_for_long(name: str, front: str, gateway: Running) -> None:
    if name not in withstood(front):
        pytest.skip("grpc.aio has no limit that would hold this; the fast front withstands it")
    withstand([name], gateway, seconds=5.0, pace=200)


@pytest.mark.stress
def test_one_long_connection_does_not_starve_the_others(front: str, filled_redis: RedisServer, tmp_path: Path) -> None:
    """Of two workers one gets all of a caller's calls; a neighbour on either of them is answered in time."""
    running = _serve(front, filled_redis, tmp_path, 2)
    try:
        withstand(["one-connection"], running, seconds=5.0, pace=200)
    finally:
        assert stop(running) == 0
