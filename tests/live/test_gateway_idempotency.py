"""Repeated calls against a real gateway with a real Redis: one answer, whoever gives it and whatever serves by then."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import redis

from gateway.client import AnswersUnavailable, InvalidRequest, Prediction, Row, SluiceClient
from gateway.testing.redis_server import RedisServer
from monitoring.records.reader import Tally, read_all
from tests.live.running_gateway import NO_SPARE, ROOT, SLUICE, Running, start, stop
from tests.live.small_house import SmallHouse, small_house
from tests.live.waiting import until

CARD = {"card_id": 1, "store_id": 2}
KEPT = "\nidempotency: {ttl_s: 600}\n"
FEATURES = {"amount": 0.25, "customer_present": True, "card_limit": 1.0}


@pytest.fixture
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture
def house(tmp_path: Path) -> SmallHouse:
    house = small_house(tmp_path)
    declare(house, champion="1")
    return house


@pytest.fixture(params=["h2corn", "conservative"])
def running(request: pytest.FixtureRequest, server: RedisServer, house: SmallHouse) -> Iterator[Running]:
    running = start(server, house.state, request.param, "--workers", "2", *NO_SPARE, *house.flags)
    yield running
    assert stop(running) == 0


def declare(house: SmallHouse, **arms: object) -> None:
    path = house.declare("fraud", **arms)
    path.write_text(path.read_text() + KEPT)


def ask(running: Running, request_id: str, **features: Any) -> httpx.Response:
    """Ask on a connection of its own, so that any worker may answer."""
    body = {"entities": CARD, "features": {**FEATURES, **features}, "request_id": request_id}
    return httpx.post(f"{running.http}/v1/deployments/fraud:predict", json=body, timeout=30)


def test_whoever_repeats_a_call_is_told_the_same_by_any_worker(running: Running, server: RedisServer) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(running, "r-1").json()["prediction"], range(64)))
    assert {one["outputs"]["score"] for one in answers} == {0.25}
    assert [one["replayed"] for one in answers].count(False) == 1
    with redis.Redis(port=server.port) as client:
        (key,) = client.keys("sluice:answer:*")
        assert key == b"sluice:answer:fraud:r-1"
        assert 590_000 < client.pttl(key) <= 600_000
    assert running.metric("sluice_kept_answers_total", outcome="replayed") == 63
    assert running.metric("sluice_calls_total", code="OK") == 64


def test_another_call_under_the_id_is_refused_over_either_protocol(running: Running) -> None:
    assert ask(running, "r-1").status_code == httpx.codes.OK
    refused = ask(running, "r-1", amount=0.75)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "INVALID_REQUEST")
    with SluiceClient(running.grpc) as client:
        assert client.predict("fraud", CARD, FEATURES, request_id="r-1", timeout=30).replayed
        with pytest.raises(InvalidRequest, match="answered before, and to another call"):
            client.predict("fraud", CARD, {**FEATURES, "amount": 0.75}, request_id="r-1", timeout=30)
        rows = [Row(CARD, FEATURES), Row(CARD, {**FEATURES, "amount": 0.5})]
        for again in (False, True):
            results = client.predict_many("fraud", rows, request_id="many", timeout=30).results
            assert [isinstance(one, Prediction) and (one.score, one.replayed) for one in results] == [
                (0.25, again),
                (0.5, again),
            ]


def test_it_is_told_the_same_after_a_canary_has_taken_over_and_gone(server: RedisServer, house: SmallHouse) -> None:
    """Each bundle's answers name it: whoever is told of version 2 when only version 1 serves is told what was said."""
    house.bundle("fraud", "2")
    running = start(server, house.state, "h2corn", "--workers", "1", *NO_SPARE, *house.flags)
    try:
        first = ask(running, "before").json()["prediction"]
        reload(running, house, champion="1", canary={"version": "2", "weight": 1.0})
        during = until(lambda: ask(running, "during").json().get("prediction"), lambda one: one is not None)
        assert (first["bundle_version"], during["bundle_version"]) == ("1", "2")
        assert ask(running, "before").json()["prediction"] == {**first, "replayed": True}
        reload(running, house, champion="1")
        assert ask(running, "after").json()["prediction"]["bundle_version"] == "1"
        again = ask(running, "during").json()["prediction"]
        assert again == {**during, "replayed": True}
        assert (again["arm"], again["bundle_version"]) == ("canary", "2")
    finally:
        assert stop(running) == 0


def test_without_redis_nothing_is_answered_that_may_change(server: RedisServer, house: SmallHouse) -> None:
    running = start(server, house.state, "h2corn", "--workers", "1", *NO_SPARE, *house.flags)
    try:
        assert ask(running, "r-1").status_code == httpx.codes.OK
        server.pause()
        refused = ask(running, "r-1")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, AnswersUnavailable.code)
        server.resume()
        again = until(lambda: ask(running, "r-1"), lambda one: one.status_code == httpx.codes.OK)
        assert again.json()["prediction"]["replayed"]
        assert ask(running, "").status_code == httpx.codes.OK
    finally:
        server.resume()
        assert stop(running) == 0


def test_records_tell_what_was_said_again(server: RedisServer, house: SmallHouse) -> None:
    path = house.declare("fraud", champion="1")
    path.write_text(path.read_text() + KEPT + "records: {share: 1.0}\n")
    running = start(server, house.state, "h2corn", "--workers", "1", *NO_SPARE, *house.flags)
    try:
        for _ in range(2):
            assert ask(running, "r-1").status_code == httpx.codes.OK
    finally:
        assert stop(running) == 0
    shown = records_of(house)
    assert [one["given_before"] is None for one in shown] == [True, False]
    assert shown[0]["outputs"] == shown[1]["outputs"]


def records_of(house: SmallHouse) -> list[dict[str, Any]]:
    found = [
        block.record(row) for block in read_all(house.state / "records", Tally()) for row in range(len(block.block.ids))
    ]
    return [json.loads(msgspec.json.encode(one)) for one in found]


def reload(running: Running, house: SmallHouse, **arms: object) -> None:
    declare(house, **arms)
    subprocess.run([*SLUICE, "reload", "--state", str(house.state)], cwd=ROOT, check=True, capture_output=True)


def test_a_redis_that_may_forget_answers_is_warned_of_at_start_and_at_every_reload(house: SmallHouse) -> None:
    forgetful = RedisServer("--maxmemory-policy", "allkeys-lru")
    try:
        running = start(forgetful, house.state, "h2corn", "--workers", "1", *NO_SPARE, *house.flags)
        try:
            until(lambda: "maxmemory-policy allkeys-lru" in running.said + "".join(running.later))
            reload = [*SLUICE, "reload", "--state", str(house.state)]
            told = subprocess.run(reload, cwd=ROOT, capture_output=True, text=True, check=True)
            assert "fraud: answers or scores are kept in the feature Redis" in told.stdout
            assert "--maxmemory-policy noeviction" in told.stdout
            with redis.Redis(port=forgetful.port) as client:
                client.config_set("maxmemory-policy", "noeviction")
            told = subprocess.run(reload, cwd=ROOT, capture_output=True, text=True, check=True)
            assert "maxmemory-policy" not in told.stdout
        finally:
            assert stop(running) == 0
    finally:
        forgetful.close()
