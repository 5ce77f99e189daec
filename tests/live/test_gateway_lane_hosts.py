"""`sluice serve` with lane hosts: the canary has a process of its own, and what becomes of that is its own affair."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.testing.redis_server import RedisServer
from models.manifest import canonical
from tests.live.hosted import children, lives, read
from tests.live.running_gateway import NO_SPARE, ROOT, SLUICE, Running, start, stop
from tests.live.waiting import until

CARDS = range(32_000, 32_400)


@pytest.fixture
def gateway(filled_redis: RedisServer, tmp_path: Path) -> Iterator[Running]:
    running = start(filled_redis, tmp_path / "state", "h2corn", "--workers", "1", "--host-wait", "60")
    yield running
    assert stop(running) == 0


def hosts(running: Running) -> list[int]:
    """Return the processes of lane hosts."""
    found = [child for worker in running.workers() for child in children(worker)]
    return [pid for pid in found if "gateway.host" in read(pid, "cmdline").split("\0")]


def arms(running: Running) -> dict[str, int]:
    """Ask for many cards; return how many each arm answered, "" for those that none did."""
    found: dict[str, int] = {}
    with httpx.Client() as client:
        for card in CARDS:
            call = {
                "entities": {"card_id": card, "store_id": 8516},
                "features": {"amount": 1, "customer_present": True},
            }
            answer = client.post(f"{running.http}/v1/deployments/fraud:predict", json=call).json()
            arm = answer.get("prediction", {}).get("arm", "")
            found[arm] = found.get(arm, 0) + 1
    return found


def test_the_canary_is_in_one_process_of_its_own_and_may_die(gateway: Running) -> None:
    (host,) = hosts(gateway)  # one, although the bundle is a shadow, too
    before = arms(gateway)
    assert before["canary"] > 0
    os.kill(host, signal.SIGSEGV)
    until(lambda: not lives(host))
    during = arms(gateway)
    assert during["champion"] >= before["champion"], "its calls were not touched"
    until(lambda: gateway.metric("sluice_host_starts_total", deployment="fraud") == 2)
    until(lambda: gateway.metric("sluice_host_down", deployment="fraud") == 0)
    assert arms(gateway) == before
    assert gateway.metric("sluice_host_deaths_total", reason="signal") == 1


def test_a_killed_worker_takes_its_hosts_along(gateway: Running) -> None:
    (host,), (worker,) = hosts(gateway), gateway.workers()
    os.kill(worker, signal.SIGKILL)
    until(lambda: not lives(host))
    until(lambda: len(gateway.workers()) == 1 and gateway.workers() != [worker] and len(hosts(gateway)) == 1)


def test_a_stopped_gateway_leaves_no_host(filled_redis: RedisServer, tmp_path: Path) -> None:
    running = start(filled_redis, tmp_path, "h2corn", "--workers", "2", "--host-wait", "60", *NO_SPARE)
    found = hosts(running)
    assert len(found) == 2
    assert stop(running) == 0
    assert not any(map(lives, found))


def test_a_host_whose_model_was_damaged_is_served_without(filled_redis: RedisServer, tmp_path: Path) -> None:
    bundles = tmp_path / "bundles"
    shutil.copytree(ROOT / "models" / "bundles", bundles)
    places = ["--bundles", str(bundles), "--host-wait", "60"]
    running = start(filled_redis, tmp_path / "state", "h2corn", "--workers", "1", *places, *NO_SPARE)
    try:
        (host,) = hosts(running)
        model = bundles / "fraud" / "2" / "model.onnx"
        model.write_bytes(model.read_bytes()[:-1] + b"x")
        os.kill(host, signal.SIGKILL)
        until(lambda: running.metric("sluice_host_deaths_total", version="2", reason="load") >= 1)
        assert running.metric("sluice_host_down", deployment="fraud", version="2") == 1
        assert arms(running)["champion"] > 0.9 * len(CARDS)
    finally:
        assert stop(running) == 0
    assert "sha256" in running.output()


def test_hosts_come_and_go_with_the_table(filled_redis: RedisServer, tmp_path: Path) -> None:
    """A reload returns when the new arm's host is ready; one whose golden rows are off changes nothing."""
    bundles, declared = tmp_path / "bundles", tmp_path / "models" / "fraud" / "deployment.yaml"
    shutil.copytree(ROOT / "models" / "bundles", bundles)
    declared.parent.mkdir(parents=True)
    text = (ROOT / "models" / "fraud" / "deployment.yaml").read_text()
    alone = re.sub(r"  (canary|shadows): .*\n", "", text)
    spoil(bundles / "fraud" / "2", bundles / "fraud" / "3")
    declared.write_text(alone)
    state = tmp_path / "state"
    places = ["--bundles", str(bundles), "--models", str(tmp_path / "models")]
    running = start(filled_redis, state, "h2corn", "--workers", "1", *places, *NO_SPARE)
    try:
        assert hosts(running) == []
        declared.write_text(text)
        assert reload(state).returncode == 0
        (host,) = hosts(running)
        assert arms(running)["canary"] > 0

        declared.write_text(text.replace('version: "2"', 'version: "3"'))
        refused = reload(state)
        assert refused.returncode != 0
        assert "golden rows are off" in refused.stdout + refused.stderr
        until(lambda: hosts(running) == [host])
        assert arms(running)["canary"] > 0

        declared.write_text(alone)
        assert reload(state).returncode == 0
        until(lambda: hosts(running) == [])
        assert running.metric("sluice_host_down", deployment="fraud") == 0
        assert set(arms(running)) == {"champion"}
    finally:
        assert stop(running) == 0


def spoil(good: Path, other: Path) -> None:
    """Make another bundle whose files are as its manifest says, and whose golden rows are not what its model scores."""
    shutil.copytree(good, other)
    golden = json.loads((other / "golden.json").read_text())
    golden["scores"] = [score + 0.1 for score in golden["scores"]]
    (other / "golden.json").write_text(json.dumps(golden))
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["version"] = other.name
    manifest["files"]["golden.json"] = hashlib.sha256((other / "golden.json").read_bytes()).hexdigest()
    (other / "manifest.json").write_bytes(canonical(manifest))


def reload(state: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*SLUICE, "reload", "--state", str(state)], cwd=ROOT, capture_output=True, text=True)


def test_lane_hosts_can_be_left_out(filled_redis: RedisServer, tmp_path: Path) -> None:
    running = start(filled_redis, tmp_path, "h2corn", "--workers", "1", "--lane-hosts", "off", *NO_SPARE)
    try:
        assert hosts(running) == []
        assert arms(running)["canary"] > 0
    finally:
        assert stop(running) == 0
