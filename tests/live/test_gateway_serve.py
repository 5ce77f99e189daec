"""`sluice serve` for real: processes, sockets, Redis, three deployments, and what training says of the same rows."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.client import Prediction, Row, RowError, SluiceClient, SluiceError
from gateway.errors import DeadlineExceeded
from gateway.testing.redis_server import RedisServer
from tests.free_ports import free_ports
from tests.live.prepared import SkewRows
from tests.live.running_gateway import NO_SPARE, ROOT, SLUICE, Running, start, stop
from tests.live.waiting import until

FRAUD: dict[str, Any] = {
    "entities": {"card_id": 32261, "store_id": 8516},
    "features": {"amount": 24900, "customer_present": True},
}
# The gateway's score against LightGBM's own on the point-in-time row: float32 sums of 200 trees.
TOLERANCE = {"fraud": 1e-5, "quotes": 1e-3, "credit": 1e-5}


@pytest.fixture(scope="module", params=["h2corn", "conservative"])
def gateway(
    request: pytest.FixtureRequest, filled_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    running = start(filled_redis, tmp_path_factory.mktemp("state"), request.param, "--workers", "2")
    yield running
    assert stop(running) == 0


@pytest.mark.parametrize("name", list(TOLERANCE))
def test_no_skew_between_training_and_gateway(gateway: Running, skew_rows: SkewRows, name: str) -> None:
    """1,000 entities: the gateway's answer is what the training code says of the same point-in-time row."""
    rows = skew_rows(name)
    assert len(rows) == 1000
    worst, arms = 0.0, set()
    with SluiceClient(gateway.grpc) as client:
        for at in range(0, 1000, 50):
            batch = rows[at : at + 50]
            for row, answer in zip(batch, answered_in_time(client, name, batch), strict=True):
                assert isinstance(answer, Prediction), answer
                worst = max(worst, abs(answer.score - row["scores"][answer.bundle_version]))
                arms.add(answer.arm)
    print(f"{name}: largest difference {worst:.3g} over 1,000 entities, arms {sorted(arms)}")
    assert worst <= TOLERANCE[name]
    assert arms == ({"champion", "canary"} if name == "fraud" else {"champion"})


def answered_in_time(client: SluiceClient, name: str, rows: list[dict[str, Any]]) -> Sequence[Prediction | RowError]:
    """Ask again while the machine is too busy for the deployment's 100 ms."""
    asked = [Row(row["entities"], row["features"], row["unit"]) for row in rows]

    def was_late(one: Prediction | RowError) -> bool:
        return isinstance(one, RowError) and (one.retryable or one.code == DeadlineExceeded.code)

    return until(
        lambda: client.predict_many(name, asked, timeout=10).results, lambda results: not any(map(was_late, results))
    )


def test_the_first_calls_of_the_readme(gateway: Running) -> None:
    over_http = httpx.post(f"{gateway.http}/v1/deployments/fraud:predict", json=FRAUD).json()["prediction"]
    with SluiceClient(gateway.grpc) as client:
        over_grpc = client.predict("fraud", FRAUD["entities"], FRAUD["features"], timeout=1.0)
    words = ["card_id=32261", "store_id=8516", "amount=24900", "customer_present=true"]
    shell = subprocess.run(
        [*SLUICE, "predict", "--address", gateway.grpc, "fraud", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert over_http["outputs"]["score"] == pytest.approx(over_grpc.score, abs=1e-6)
    assert json.loads(shell.stdout)["decision"] == over_http["decision"] == over_grpc.decision


def test_counts_are_exact_over_workers(gateway: Running) -> None:
    before = gateway.calls()

    def ask(number: int) -> None:
        with httpx.Client() as client:
            for _ in range(10):
                post_until_taken(client, gateway, FRAUD).raise_for_status()
            post_until_taken(client, gateway, {"entities": {"card_id": number}})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(20)))
    after = gateway.calls()
    assert after["fraud", "OK"] - before["fraud", "OK"] == 200
    assert after["fraud", "INVALID_REQUEST"] - before.get(("fraud", "INVALID_REQUEST"), 0.0) == 20


def post_until_taken(client: httpx.Client, gateway: Running, call: dict[str, Any]) -> httpx.Response:
    """Ask again while a machine that is busy with us refuses calls, or is late."""
    return until(
        lambda: client.post(f"{gateway.http}/v1/deployments/fraud:predict", json=call),
        lambda answer: answer.status_code not in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.GATEWAY_TIMEOUT),
    )


def test_a_killed_worker_costs_only_its_calls_and_comes_back(gateway: Running) -> None:
    before, workers = gateway.calls(), gateway.workers()
    os.kill(workers[0], signal.SIGKILL)
    answered = 0
    with httpx.Client() as client:
        while answered < 50 or len(set(gateway.workers()) - {workers[0]}) < 2:
            try:
                post_until_taken(client, gateway, FRAUD).raise_for_status()
            except httpx.TransportError:
                continue  # it was the dead one's connection
            answered += 1
    assert gateway.calls()["fraud", "OK"] - before["fraud", "OK"] == answered


def test_a_spare_worker_takes_the_place_of_a_dead_one(filled_redis: RedisServer, tmp_path: Path) -> None:
    running = start(filled_redis, tmp_path, "h2corn", "--workers", "1")
    try:
        until(lambda: running.metric("sluice_spare_workers") == 1)
        (spare,), (dead,) = running.spares(), running.workers()
        os.kill(dead, signal.SIGKILL)
        httpx.post(f"{running.http}/v1/deployments/fraud:predict", json=FRAUD, timeout=30.0).raise_for_status()
        assert running.workers() == [spare]
        until(lambda: running.metric("sluice_spare_workers") == 1)
        (left,) = running.spares()
    finally:
        assert stop(running) == 0
    assert not Path(f"/proc/{left}").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_accepted_is_lost_on_sigterm(filled_redis: RedisServer, tmp_path: Path, workers: str) -> None:
    """A caller may find nobody listening any more; a call that was taken is answered, and no connection is torn."""
    running = start(filled_redis, tmp_path, "h2corn", "--workers", workers, *NO_SPARE)
    failures: list[str] = []
    answered = threading.Semaphore(0)

    def ask() -> None:
        with SluiceClient(running.grpc) as client:
            while True:
                try:
                    client.predict("fraud", FRAUD["entities"], FRAUD["features"], timeout=5.0)
                    answered.release()
                except SluiceError as exc:
                    if "failed to connect" not in str(exc):
                        failures.append(repr(exc))
                    return

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        assert answered.acquire(timeout=30), failures
    assert stop(running) == 0
    for thread in threads:
        thread.join()
    assert failures == []
    assert "Invalid argument" not in running.output(), "a server that loses its listener loses its calls"


@pytest.mark.parametrize("port", ["grpc", "http", "metrics"])
def test_a_second_start_on_taken_ports_is_one_clear_line(gateway: Running, tmp_path: Path, port: str) -> None:
    taken = {"grpc": gateway.grpc, "http": gateway.http, "metrics": gateway.metrics}[port].rpartition(":")[2]
    ports = dict(zip(("grpc", "http", "metrics"), free_ports(3), strict=True)) | {port: int(taken)}
    flags = [word for name, number in ports.items() for word in (f"--{name}-port", str(number))]
    result = subprocess.run(
        [*SLUICE, "serve", "--replay-now", "--state", str(tmp_path), *flags], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert re.fullmatch(rf"sluice: port {taken} \(.*\) is taken on .*--{port}-port\n", result.stderr)


def test_a_broken_bundle_is_one_clear_line(filled_redis: RedisServer, tmp_path: Path) -> None:
    bundles = tmp_path / "bundles"
    for source in (ROOT / "models" / "bundles").glob("*/*/*"):
        if source.is_file():
            target = bundles / source.relative_to(ROOT / "models" / "bundles")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    model = bundles / "fraud" / "1" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    grpc, http, metrics = free_ports(3)
    ports = ["--grpc-port", str(grpc), "--http-port", str(http), "--metrics-port", str(metrics)]
    places = ["--state", str(tmp_path / "state"), "--bundles", str(bundles), "--redis-url", filled_redis.url]
    command = [*SLUICE, "serve", "--replay-now", "--workers", "1", *places, *ports]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.count("\n") <= 2
    assert "model.onnx: sha256" in result.stderr
