"""Bundles on a real Triton: brought there and taken away, and what callers see when it is gone, frozen or slow."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.client import SluiceClient
from gateway.testing.redis_server import RedisServer
from tests.live.prepared import SkewRows
from tests.live.running_gateway import NO_SPARE, ROOT, start, stop
from tests.live.steered_house import Callers
from tests.live.test_gateway_serve import answered_in_time
from tests.live.triton_house import TritonHouse, delayed, triton_house
from tests.live.waiting import until
from tests.real_triton import RealTriton


@pytest.fixture
def house(tmp_path: Path) -> Iterator[TritonHouse]:
    with triton_house(tmp_path) as house:
        yield house


@pytest.fixture
def two(tmp_path: Path) -> Iterator[TritonHouse]:
    with triton_house(tmp_path, count=2) as house:
        yield house


def test_fraud_says_the_same_on_triton(
    filled_redis: RedisServer, skew_rows: SkewRows, real_triton: RealTriton, tmp_path: Path
) -> None:
    """1,000 entities: champion and canary on Triton answer as they do in process."""
    declared = (ROOT / "models" / "fraud" / "deployment.yaml").read_text()
    for version in ("1", "2"):
        real_triton.keep(ROOT / "models" / "bundles" / "fraud" / version)
    rows, answers = skew_rows("fraud"), []
    for backend in ("onnx", "triton"):
        models = tmp_path / backend / "models"
        (models / "fraud").mkdir(parents=True)
        (models / "fraud" / "deployment.yaml").write_text(f"{declared}\nbackend: {backend}\n")
        flags = ["--models", str(models), "--triton", real_triton.address, "--workers", "1", *NO_SPARE]
        running = start(filled_redis, tmp_path / backend / "state", "h2corn", *flags)
        with SluiceClient(running.grpc) as client:
            parts = [answered_in_time(client, "fraud", rows[at : at + 50]) for at in range(0, 1000, 50)]
        assert stop(running) == 0
        answers.append([(one.arm, one.bundle_version, one.decision, one.score) for part in parts for one in part])
    assert {arm for arm, *_ in answers[0]} == {"champion", "canary"}
    assert answers[0] == answers[1]


def test_a_bundle_is_loaded_by_the_first_worker_and_unloaded_by_the_last(house: TritonHouse) -> None:
    house.declare(champion="1")
    with house.serving() as gateway:
        assert house.ready("1")
        os.kill(gateway.workers()[0], signal.SIGKILL)
        until(lambda: len(gateway.workers()) == 2, complaint="its place is not filled")
        assert house.ready("1")
        assert gateway.metric("sluice_triton_down") == 0
        assert stop(gateway) == 0
        until(lambda: not house.ready("1"), complaint="nobody has had it unloaded")


def test_who_has_no_fallback_is_told_at_once_while_triton_is_gone(house: TritonHouse) -> None:
    house.declare(champion="1")
    with house.serving() as gateway, Callers(gateway.grpc) as callers:
        assert callers.versions() == {"1"}
        house.first.server.kill()
        until(lambda: len(callers.wrong) > 100, complaint="nobody is told")
        house.first.server.restart()
        assert callers.versions() == {"1"}
    assert [one for one in callers.wrong if not re.match("BackendUnavailable|DeadlineExceeded", one)] == []


@pytest.mark.parametrize("fault", ["killed", "frozen", "unloaded"])
def test_the_fallback_answers_while_triton_does_not(house: TritonHouse, fault: str) -> None:
    house.declare(champion="1", fallback="2")
    server = house.first.server
    with house.serving() as gateway, Callers(gateway.grpc) as callers:
        assert callers.versions() == {"1"}
        if fault == "unloaded":
            for _ in range(3):
                house.unload("1")
                until(lambda: house.ready("1"), complaint="nobody has had it loaded again")
                until(callers.versions, lambda found: found == {"1"}, "the champion does not come back")
        else:
            server.kill() if fault == "killed" else server.pause()
            until(callers.versions, lambda found: found == {"2"}, "the fallback does not answer")
            server.restart() if fault == "killed" else server.resume()
            until(callers.versions, lambda found: found == {"1"}, "the champion does not come back")
    # A list that was under way when it froze may find too little time left; there are two a worker.
    assert len(callers.wrong) <= (0.01 * callers.answers.total() if fault == "frozen" else 0), callers.wrong
    assert set(callers.answers) <= {("champion", "1"), ("fallback", "2")}


def test_of_two_replicas_one_that_freezes_costs_nobody_his_answer(two: TritonHouse) -> None:
    two.declare(champion="1")
    with two.serving() as gateway, Callers(gateway.grpc) as callers:
        assert callers.versions() == {"1"}
        two.first.server.pause()
        # One worker may have all the callers: the other has nobody to ask for, and does not know.
        until(lambda: gateway.metric("sluice_triton_left_total", reason="away") >= 1, complaint="it is still asked")
        callers.versions()
        two.first.server.resume()
        until(lambda: gateway.metric("sluice_triton_down") == 0, complaint="it is not asked again")
    assert callers.wrong == []


def test_of_two_replicas_a_slow_one_is_set_apart_and_comes_back(two: TritonHouse) -> None:
    two.declare(champion="1")
    with delayed(two.addresses[1], 100_000) as (address, proxy):
        two.addresses[1] = address
        with two.serving() as gateway, Callers(gateway.grpc) as callers:
            callers.versions(400)
            proxy.send_signal(signal.SIGUSR1)
            slow = {"reason": "slow", "address": address}
            until(lambda: gateway.metric("sluice_triton_left_total", **slow) >= 1, complaint="it is still asked")
            callers.versions(400)
            proxy.send_signal(signal.SIGUSR2)
            until(lambda: gateway.metric("sluice_triton_down") == 0, complaint="it is not asked again")
    assert callers.wrong == []
