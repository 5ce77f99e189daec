"""Tables that change while a gateway runs, with real processes: no call lost, no worker apart, no table by accident."""

import json
import os
import signal
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.client import SluiceClient, SluiceError
from gateway.testing.redis_server import RedisServer
from tests.live.running_gateway import Running, start, stop
from tests.live.small_house import SmallHouse, small_house
from tests.live.typed import Typed, typed
from tests.live.waiting import PATIENCE, until

ENTITIES = {"card_id": 1, "store_id": 2}
FEATURES = {"amount": 3.0, "customer_present": True, "card_limit": 1.0}


class Gateway:
    """A gateway of two workers in a small house."""

    def __init__(self, redis: RedisServer, house: SmallHouse, *flags: str) -> None:
        self.house = house
        self.running: Running = start(redis, house.state, "h2corn", "--workers", "2", *house.flags, *flags)

    def sluice(self, *words: str) -> Typed:
        return typed(*words, "--state", str(self.house.state))

    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.sluice("status", "--json").stdout)
        return told

    def numbers(self) -> list[dict[str, int]]:
        """Return the tables' numbers by deployment, as each worker says."""
        workers = self.status()["workers"]
        return [{one["deployment"]: one["number"] for one in worker["standings"]} for worker in workers]

    def whole(self) -> bool:
        """Whether both workers are ready."""
        return [worker["state"] for worker in self.status()["workers"]] == ["ready", "ready"]

    def number(self) -> int:
        """Return the number of fraud's table, which both workers serve."""
        one, other = self.numbers()
        assert one == other
        return one["fraud"]

    def reload(self, **arms: object) -> Typed:
        """Declare these arms of fraud, and reload."""
        self.house.declare("fraud", **arms)
        return self.sluice("reload")

    def metric(self, name: str) -> dict[str, float]:
        """Return a metric by deployment."""
        return {sample.labels["deployment"]: sample.value for sample in self.running.samples(name)}

    def arms(self, calls: int = 60) -> set[str]:
        """Return the versions that answer, of many cards, on connections of their own."""
        found = set()
        for _ in range(6):
            with SluiceClient(self.running.grpc) as client:
                for card in range(calls // 6):
                    entities = {**ENTITIES, "card_id": card}
                    found.add(client.predict("fraud", entities, FEATURES, timeout=PATIENCE).bundle_version)
        return found


@pytest.fixture(scope="module")
def shared(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Yield one gateway for all tests that leave it whole; its bundles 1 to 4 are good, 9 is not."""
    house = small_house(tmp_path_factory.mktemp("house"))
    for version in ("2", "3", "4", "9"):
        house.bundle("fraud", version)
    house.break_golden(house.bundles / "fraud" / "9")
    gateway = Gateway(redis_server, house, "--worker-patience", "5")
    yield gateway
    assert stop(gateway.running) == 0


@pytest.fixture
def gateway(shared: Gateway) -> Gateway:
    """Return the shared gateway, serving champion 1 alone."""
    shared.house.declare("fraud", champion="1")
    result = shared.sluice("reload")
    assert result.returncode == 0, result.stdout + result.stderr
    return shared


class Traffic:
    """Calls on several connections, a hundred a second on each, until the block ends."""

    def __init__(self, address: str, connections: int = 6) -> None:
        self._stop = threading.Event()
        self._address = address
        self.versions: set[str] = set()
        self.failures: list[str] = []
        self.answered = 0
        self._threads = [threading.Thread(target=self._run, args=(card,)) for card in range(connections)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def more(self, calls: int = 100) -> None:
        """Wait until so many more have been answered."""
        before = self.answered
        until(lambda: self.answered >= before + calls or bool(self.failures))

    def _run(self, card: int) -> None:
        with SluiceClient(self._address) as client:
            while not self._stop.wait(0.01):
                card += 100
                try:
                    entities = {**ENTITIES, "card_id": card}
                    answer = client.predict("fraud", entities, FEATURES, timeout=PATIENCE)
                    self.versions.add(answer.bundle_version)
                    self.answered += 1
                except SluiceError as exc:
                    self.failures.append(str(exc))


def test_reloads_under_traffic_lose_no_call(gateway: Gateway) -> None:
    number = gateway.number()
    with Traffic(gateway.running.grpc) as traffic:
        traffic.more()
        for champion, canary in (("1", "2"), ("2", "1"), ("2", "3"), ("3", "1"), ("1", "3")):
            result = gateway.reload(champion=champion, canary={"version": canary, "weight": 0.5})
            assert result.returncode == 0, result.stdout + result.stderr
            traffic.versions.clear()
            traffic.more()
            assert {champion, canary} <= traffic.versions
    assert traffic.failures == []
    assert gateway.number() == number + 5


def test_what_changes_is_served_and_told(gateway: Gateway) -> None:
    number = gateway.number()
    assert gateway.arms() == {"1"}
    result = gateway.reload(champion="1", canary={"version": "2", "weight": 0.5})
    assert result.returncode == 0
    assert f"fraud: loading table {number + 1}" in result.stdout
    assert result.stdout.count(f"is ready for table {number + 1}") == 2
    assert gateway.arms() == {"1", "2"}
    assert gateway.reload(champion="1", canary={"version": "2", "weight": 1.0}).returncode == 0
    assert gateway.arms() == {"2"}
    again = gateway.sluice("reload")
    assert (again.returncode, f"fraud: table {number + 2}, unchanged" in again.stdout) == (0, True)
    assert gateway.number() == number + 2
    assert gateway.metric("sluice_table_number")["fraud"] == number + 2
    arms = gateway.status()["workers"][0]["standings"][0]["arms"]
    told = [(arm["arm"], arm["version"], arm["share"]) for arm in arms]
    assert told == [("champion", "1", 0.0), ("canary", "2", 1.0)]
    assert all(len(arm["digest"]) == 64 for arm in arms)
    shown = gateway.sluice("status").stdout
    assert f"table {number + 2}" in shown
    assert shown.count("worker") == 2
    assert stat.S_IMODE((gateway.house.state / "control.sock").stat().st_mode) == 0o600


def test_a_deployment_appears_and_is_ended_in_words_only(gateway: Gateway) -> None:
    house = gateway.house
    house.bundle("other", "1")
    path = house.declare("other", champion="1")
    assert gateway.sluice("reload").returncode == 0
    with SluiceClient(gateway.running.grpc) as client:
        assert client.predict("other", ENTITIES, FEATURES, timeout=PATIENCE).outputs["score"] == 3.0
        refused = gateway.sluice("reload", "--forget", "other")
        assert refused.returncode == 1
        assert "still declared" in refused.stdout
        path.unlink()
        absent = gateway.sluice("reload")
        assert absent.returncode == 1
        assert "--forget other" in absent.stdout
        assert client.predict("other", ENTITIES, FEATURES, timeout=PATIENCE).outputs["score"] == 3.0
        assert gateway.metric("sluice_declaration_broken") == {"fraud": 0.0, "other": 1.0}
        assert gateway.sluice("reload", "--forget", "other").returncode == 0
        assert gateway.metric("sluice_declaration_broken") == {"fraud": 0.0, "other": 0.0}
        with pytest.raises(SluiceError, match="no deployment 'other'"):
            client.predict("other", ENTITIES, FEATURES, timeout=PATIENCE)
    assert gateway.sluice("reload", "--forget", "other").returncode == 1
    assert not (house.state / "tables" / "other.json").exists()


def test_what_is_broken_changes_nothing_and_says_why(gateway: Gateway) -> None:
    number = gateway.number()
    wrong: list[tuple[dict[str, object], str]] = [
        (
            {"champion": "1", "canary": {"version": "2", "weight": 7}},
            "canary: weight is 7; it is a number at least 0 and up to 1",
        ),
        ({"champion": "8"}, "manifest.json: cannot be read"),
        ({"champion": "2", "canary": {"version": "9", "weight": 0.1}}, "golden rows are off"),
    ]
    for arms, reason in wrong:
        result = gateway.reload(**arms)
        assert result.returncode == 1
        assert f"fraud: goes on with table {number}" in result.stdout
        assert reason in result.stdout
        assert reason in gateway.status()["tables"][0]["complaint"]
        assert gateway.metric("sluice_declaration_broken")["fraud"] == 1.0
        assert gateway.arms() == {"1"}
        assert gateway.number() == number
    assert gateway.reload(champion="2").returncode == 0
    assert gateway.metric("sluice_declaration_broken")["fraud"] == 0.0
    assert gateway.number() == number + 1, "what was never served takes no number"


def test_a_hang_up_reloads(gateway: Gateway) -> None:
    number = gateway.number()
    gateway.house.declare("fraud", champion="2")
    gateway.running.process.send_signal(signal.SIGHUP)
    until(lambda: gateway.numbers() == [{"fraud": number + 1}] * 2)
    assert gateway.arms() == {"2"}
    until(lambda: "reloaded\n" in gateway.running.later)


def test_a_worker_that_is_killed_in_a_reload_comes_back_like_its_sibling(gateway: Gateway) -> None:
    """Killed at whatever point: both serve the same table in the end, and exit status 0 means the new one."""
    gateway.house.declare("fraud", champion="3")
    results: list[Typed] = []
    reload = threading.Thread(target=lambda: results.append(gateway.sluice("reload")))
    victim = gateway.running.workers()[0]
    reload.start()
    os.kill(victim, signal.SIGKILL)
    reload.join()
    until(gateway.whole)
    gateway.number()
    if results[0].returncode == 0:
        assert gateway.arms() == {"3"}
    assert gateway.sluice("reload").returncode == 0
    assert gateway.arms() == {"3"}


def test_a_worker_that_hangs_is_replaced(gateway: Gateway) -> None:
    victim = gateway.running.workers()[0]
    os.kill(victim, signal.SIGSTOP)
    until(lambda: "silent" in [worker["state"] for worker in gateway.status()["workers"]])
    until(lambda: victim not in gateway.running.workers())
    until(gateway.whole)
    assert gateway.arms() == {"1"}
    assert any("worker does not answer and is killed" in line for line in gateway.running.later)


def test_the_last_table_outlives_its_source_and_its_supervisor(redis_server: RedisServer, tmp_path: Path) -> None:
    house = small_house(tmp_path)
    house.bundle("fraud", "2")
    first = Gateway(redis_server, house)
    assert first.reload(champion="2").returncode == 0
    workers = first.running.workers()
    first.running.process.kill()
    first.running.process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert "no gateway listens" in first.sluice("status").stderr

    (house.models / "fraud" / "deployment.yaml").unlink()
    again = Gateway(redis_server, house)
    assert again.arms() == {"2"}
    assert again.number() == 2
    assert again.metric("sluice_declaration_broken") == {"fraud": 1.0}
    assert "NOT AS DECLARED" in again.sluice("status").stdout
    assert again.reload(champion="1").returncode == 0
    assert again.number() == 3, "numbers grow over restarts"
    assert stop(again.running) == 0
    assert "goes on as before" in again.running.output()
