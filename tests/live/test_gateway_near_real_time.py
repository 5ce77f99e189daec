"""Near real time for real: processes and a Redis stream, workers that die, and a Redis that goes and comes back."""

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import redis

from gateway.cli import main
from gateway.client import FeaturesMissing, InvalidRequest, Prediction, QueueUnavailable, SluiceClient, SluiceError
from gateway.later.redis_queue import DEAD, PREFIX, STREAM
from gateway.testing.redis_server import RedisServer
from protos.sluice.v1 import prediction_pb2 as pb
from tests.free_ports import free_ports
from tests.live.running_gateway import NO_SPARE, ROOT, SLUICE, Running, start, stop
from tests.live.small_house import SmallHouse, small_house
from tests.live.waiting import until

CARD = {"card_id": 1, "store_id": 2}
FEATURES = {"amount": 0.25, "customer_present": True, "card_limit": 1.0}


@pytest.fixture
def server() -> Iterator[RedisServer]:
    server = RedisServer("--maxmemory-policy", "noeviction")
    yield server
    server.close()


@pytest.fixture
def house(tmp_path: Path) -> SmallHouse:
    return small_house(tmp_path)


def begin(server: RedisServer, house: SmallHouse, *flags: str, front: str = "h2corn", workers: str = "1") -> Running:
    queue = ("--queue-url", server.url, "--queue-claim-s", "1")
    return start(server, house.state, front, "--workers", workers, *NO_SPARE, *house.flags, *queue, *flags)


def fetched(client: SluiceClient, result_id: str) -> Prediction:
    found = until(lambda: client.fetch(result_id, wait=1.0, timeout=30.0))
    assert isinstance(found, Prediction)
    return found


@pytest.mark.parametrize("front", ["h2corn", "conservative"])
def test_every_row_that_goes_in_is_answered_once_as_if_it_were_asked_now(
    server: RedisServer, house: SmallHouse, front: str
) -> None:
    running = begin(server, house, front=front, workers="2")
    try:
        with SluiceClient(running.grpc) as client:
            amounts = [number / 100 for number in range(100)]

            def submit(amount: float) -> str:
                return client.submit("fraud", CARD, {**FEATURES, "amount": amount}, timeout=30.0).result_id

            with ThreadPoolExecutor(8) as pool:
                names = list(pool.map(submit, amounts))
                found = list(pool.map(lambda name: fetched(client, name), names))
            assert [one.score for one in found] == pytest.approx(amounts, abs=1e-6)
            assert fetched(client, names[0]) == found[0], "it may be fetched again"
        over_http = httpx.get(f"{running.http}/v1/results/{names[1]}").json()
        assert (over_http["state"], over_http["request_id"]) == ("answered", found[1].request_id)
        until(lambda: running.metric("sluice_queued_calls_total", outcome="answered") == 100)
        assert running.metric("sluice_queued_calls_total", outcome="accepted") == 100
        with redis.Redis(port=server.port) as plain:
            assert plain.xlen(STREAM) == 0
            assert 3_500_000 < plain.pttl(f"{PREFIX}:result:{names[0]}") <= 3_600_000
    finally:
        assert stop(running) == 0


def test_nothing_is_lost_when_workers_are_killed_again_and_again(server: RedisServer, house: SmallHouse) -> None:
    running = begin(server, house, "--queue-tries", "20", workers="2")
    try:
        with SluiceClient(running.grpc) as client:
            names = []
            for number in range(300):
                names.append(accepted(client, number / 300))
                if number % 100 == 50:
                    os.kill(running.workers()[0], signal.SIGKILL)
            found = [fetched_somehow(client, name) for name in names]
        assert [one.score for one in found] == pytest.approx([number / 300 for number in range(300)], abs=1e-6)
    finally:
        assert stop(running) == 0


def accepted(client: SluiceClient, amount: float) -> str:
    """Submit; try again where the connection was a dead worker's."""

    def submit() -> str:
        try:
            return client.submit("fraud", CARD, {**FEATURES, "amount": amount}, timeout=5.0).result_id
        except SluiceError:
            return ""

    return until(submit)


def fetched_somehow(client: SluiceClient, result_id: str) -> Prediction:
    def fetch() -> Prediction | None:
        try:
            return client.fetch(result_id, wait=1.0, timeout=5.0)
        except QueueUnavailable:
            raise
        except SluiceError:
            return None

    found = until(fetch)
    assert found is not None
    return found


def test_what_waits_outlives_the_gateway(server: RedisServer, house: SmallHouse) -> None:
    """The gateway is killed with all its workers; a row that lies there is answered by the next one."""
    running = begin(server, house)
    workers = running.workers()
    running.process.kill()
    running.process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    with redis.Redis(port=server.port) as plain:
        plain.xadd(STREAM, entry_of("a" * 32))
        again = begin(server, house)
        try:
            with SluiceClient(again.grpc) as client:
                assert fetched(client, "a" * 32).request_id == "left-behind"
        finally:
            assert stop(again) == 0


def entry_of(result_id: str) -> dict[str, bytes | str]:
    values = {"amount": pb.Value(double_value=0.5), "card_limit": pb.Value(double_value=1.0)}
    request = pb.PredictRequest(
        deployment="fraud",
        entities={name: pb.Value(int64_value=value) for name, value in CARD.items()},
        features={**values, "customer_present": pb.Value(bool_value=True)},
        request_id="left-behind",
    )
    return {"id": result_id, "request": request.SerializeToString(), "until": "1e12", "trace": ""}


def test_what_may_not_be_answered_is_said_and_what_does_not_pass_is_a_dead_letter(
    server: RedisServer, house: SmallHouse
) -> None:
    features = RedisServer()
    running = start(
        features,
        house.state,
        "h2corn",
        *("--workers", "1", *NO_SPARE, *house.flags),
        *("--queue-url", server.url, "--queue-claim-s", "1", "--queue-tries", "2"),
    )
    try:
        with SluiceClient(running.grpc) as client:
            sent = {"amount": 0.25, "customer_present": True}
            with pytest.raises(InvalidRequest, match="request feature amount"):
                client.submit("fraud", CARD, {"customer_present": True}, timeout=30.0)
            with pytest.raises(InvalidRequest, match="wants the entities"):
                client.submit("fraud", {"card_id": 1}, sent, timeout=30.0)
            with pytest.raises(InvalidRequest, match="must be double"):
                client.submit("fraud", CARD, {**sent, "amount": True}, timeout=30.0)
            missing = client.submit("fraud", CARD, sent, timeout=30.0)
            with pytest.raises(FeaturesMissing, match="card_limit"):
                until(lambda: client.fetch(missing.result_id, wait=1.0, timeout=30.0))
            features.kill()
            dead = client.submit("fraud", CARD, sent, timeout=30.0, request_id="dead-1")
            with pytest.raises(SluiceError, match="no fresh value of card_limit") as caught:
                until(lambda: client.fetch(dead.result_id, wait=1.0, timeout=30.0))
        assert caught.value.request_id == "dead-1"
        with redis.Redis(port=server.port) as plain:
            ((_, letter),) = plain.xrange(DEAD)
            assert letter[b"id"] == dead.result_id.encode()
            assert b"card_limit" in letter[b"reason"]
            assert plain.xlen(STREAM) == 0
        assert running.metric("sluice_queued_calls_total", outcome="dead") == 1
        assert running.metric("sluice_queued_calls_total", outcome="again") == 1
        features.restart()
        assert main(["dead-letters", "--queue-url", server.url, "requeue", dead.result_id]) == 0
        with SluiceClient(running.grpc) as client, pytest.raises(FeaturesMissing, match="card_limit"):
            until(lambda: client.fetch(dead.result_id, wait=1.0, timeout=30.0))
    finally:
        features.close()
        assert stop(running) == 0


def test_a_queue_that_is_away_is_said_to_be_and_found_again(server: RedisServer, house: SmallHouse) -> None:
    running = begin(server, house)
    try:
        with redis.Redis(port=server.port) as plain, SluiceClient(running.grpc) as client:
            server.kill()
            with pytest.raises(QueueUnavailable):
                client.submit("fraud", CARD, FEATURES, timeout=30.0)
            assert client.predict("fraud", CARD, FEATURES, timeout=30.0).score == 0.25, "live calls go on"
            server.restart()
            name = until(lambda: accepted(client, 0.75))
            assert fetched(client, name).score == 0.75
            assert plain.xlen(STREAM) == 0
    finally:
        assert stop(running) == 0


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random"])
def test_a_redis_that_may_evict_the_queue_is_refused_at_the_start(house: SmallHouse, policy: str) -> None:
    evicting = RedisServer("--maxmemory-policy", policy)
    ports = free_ports(3)
    words = ["--grpc-port", str(ports[0]), "--http-port", str(ports[1]), "--metrics-port", str(ports[2])]
    words += ["--redis-url", evicting.url, "--queue-url", evicting.url, "--state", str(house.state), *house.flags]
    try:
        refused = subprocess.run(
            [*SLUICE, "serve", "--workers", "1", *NO_SPARE, *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        evicting.close()
    assert refused.returncode == 1
    said = refused.stdout + refused.stderr
    assert f"may evict any key when it is full ({policy})" in said
    assert "--maxmemory-policy noeviction" in said
