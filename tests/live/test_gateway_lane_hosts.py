"""`sluice serve` with lane hosts: the canary has a process of its own, and what becomes of that is its own affair."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.testing.redis_server import RedisServer
from tests.live.hosted import children, lives, read
from tests.live.running_gateway import ROOT, Running, start, stop

CARDS = range(32_000, 32_400)
LONG = 30.0


@pytest.fixture
def gateway(filled_redis: RedisServer, tmp_path: Path) -> Iterator[Running]:
    running = start(filled_redis, tmp_path / "state", "h2corn", "--workers", "1", "--host-wait", "60")
    yield running
    assert stop(running) == 0


def hosts(running: Running) -> list[int]:
    """Return the processes of lane hosts."""
    found = [child for worker in running.workers() for child in children(worker)]
    return [pid for pid in found if "gateway.host" in read(pid, "cmdline").split("\0")]


def metric(running: Running, name: str, **labels: str) -> float:
    """Return a metric's sum over whatever labels are left open."""
    families = text_string_to_metric_families(httpx.get(f"{running.metrics}/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


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


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_the_canary_is_in_one_process_of_its_own_and_may_die(gateway: Running) -> None:
    (host,) = hosts(gateway)  # one, although the bundle is a shadow, too
    before = arms(gateway)
    assert before["canary"] > 0
    os.kill(host, signal.SIGSEGV)
    until(lambda: not lives(host))
    during = arms(gateway)
    assert during["champion"] >= before["champion"], "its calls were not touched"
    until(lambda: metric(gateway, "sluice_host_starts_total", deployment="fraud") == 2)
    until(lambda: metric(gateway, "sluice_host_down", deployment="fraud") == 0)
    assert arms(gateway) == before
    assert metric(gateway, "sluice_host_deaths_total", reason="signal") == 1


def test_a_killed_worker_takes_its_hosts_along(gateway: Running) -> None:
    (host,), (worker,) = hosts(gateway), gateway.workers()
    os.kill(worker, signal.SIGKILL)
    until(lambda: not lives(host))
    until(lambda: len(gateway.workers()) == 1 and gateway.workers() != [worker] and len(hosts(gateway)) == 1)


def test_a_stopped_gateway_leaves_no_host(filled_redis: RedisServer, tmp_path: Path) -> None:
    running = start(filled_redis, tmp_path, "h2corn", "--workers", "2", "--host-wait", "60")
    found = hosts(running)
    assert len(found) == 2
    assert stop(running) == 0
    assert not any(map(lives, found))


def test_a_host_whose_model_was_damaged_is_served_without(filled_redis: RedisServer, tmp_path: Path) -> None:
    bundles = tmp_path / "bundles"
    shutil.copytree(ROOT / "models" / "bundles", bundles)
    places = ["--bundles", str(bundles), "--host-wait", "60"]
    running = start(filled_redis, tmp_path / "state", "h2corn", "--workers", "1", *places)
    try:
        (host,) = hosts(running)
        model = bundles / "fraud" / "2" / "model.onnx"
        model.write_bytes(model.read_bytes()[:-1] + b"x")
        os.kill(host, signal.SIGKILL)
        until(lambda: metric(running, "sluice_host_deaths_total", version="2", reason="load") >= 1)
        assert metric(running, "sluice_host_down", deployment="fraud", version="2") == 1
        assert arms(running)["champion"] > 0.9 * len(CARDS)
    finally:
        assert stop(running) == 0
    assert "sha256" in running.output()


def test_lane_hosts_can_be_left_out(filled_redis: RedisServer, tmp_path: Path) -> None:
    running = start(filled_redis, tmp_path, "h2corn", "--workers", "1", "--lane-hosts", "off")
    try:
        assert hosts(running) == []
        assert arms(running)["canary"] > 0
    finally:
        assert stop(running) == 0
