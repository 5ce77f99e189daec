"""Whom a run goes to, when it is repeated, and who is asked no more."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types

from gateway.backends.backend import Away, BackendError, TooLate
from gateway.triton.endpoint import SILENT_RUNS, Endpoint, Standing
from gateway.triton.failures import Busy, Expired
from gateway.triton.fleet import KNOWN_AFTER, Fleet
from gateway.triton.meters import EndpointMeters
from gateway.triton.wire import Served, infer_request
from monitoring.series import SeriesFile
from tests.sim.virtual_loop import VirtualLoop

REQUEST = infer_request(Served("fraud-1", "features", 3, "score"), np.zeros((4, 3), dtype=np.float32))


class Replica:
    """Takes `takes` seconds for a run in virtual time, and then says what it is told to."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.takes = 0.01
        self.fails: BackendError | None = None
        self.asked: list[float] = []
        """The seconds that each run might take."""

    async def infer(self, request: pb.ModelInferRequest, seconds: float) -> pb.ModelInferResponse:
        self.asked.append(seconds)
        await asyncio.sleep(min(self.takes, seconds))
        if self.takes > seconds:
            raise TooLate("it did not answer in time")
        if self.fails is not None:
            raise self.fails
        return pb.ModelInferResponse()


class House:
    """Two replicas that are well, and the fleet of them; of equals the first is drawn."""

    def __init__(self, loop: VirtualLoop, directory: Path) -> None:
        self.loop = loop
        self.replicas = [Replica(loop), Replica(loop)]
        series = SeriesFile(directory / "metrics", 0)
        self.endpoints = [
            Endpoint(name, replica, EndpointMeters(series, "fraud", "1", name), loop.time)
            for name, replica in zip("ab", self.replicas, strict=True)
        ]
        for one in self.endpoints:
            one.enter()
        first: Callable[[Sequence[Endpoint]], Endpoint] = lambda among: among[0]  # noqa: E731
        self.fleet = Fleet(self.endpoints, loop.time, first)

    def run(self, seconds: float = 0.1) -> BackendError | None:
        """Run once; return what was raised."""
        try:
            self.loop.run_until_complete(self.fleet.infer(REQUEST, seconds))
        except BackendError as exc:
            return exc
        return None

    def asked(self) -> list[int]:
        return [len(one.asked) for one in self.replicas]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    yield House(loop, tmp_path)
    asyncio.set_event_loop(None)
    loop.close()


def test_a_run_goes_to_who_has_least_under_way(house: House) -> None:
    async def three() -> None:
        await asyncio.gather(*(house.fleet.infer(REQUEST, 0.1) for _ in range(3)))

    house.loop.run_until_complete(three())
    assert house.asked() == [2, 1]
    assert [one.outstanding for one in house.endpoints] == [0, 0]


def test_who_is_gone_leaves_at_once_and_another_one_answers(house: House) -> None:
    house.replicas[0].fails = Away("connection refused")
    assert house.run() is None
    assert house.run() is None
    assert house.asked() == [1, 2]
    assert house.endpoints[0].standing is Standing.AWAY


def test_rows_that_a_model_cannot_score_are_not_tried_elsewhere(house: House) -> None:
    house.replicas[0].fails = BackendError("bad row")
    assert "bad row" in str(house.run())
    assert house.asked() == [1, 0]
    assert house.endpoints[0].standing is Standing.WELL


@pytest.mark.parametrize("kind", [Busy, Expired])
def test_who_only_has_too_much_to_do_stays(house: House, kind: type[BackendError]) -> None:
    house.replicas[0].fails = kind("later")
    for _ in range(SILENT_RUNS + 1):
        assert house.run() is None
    assert house.endpoints[0].standing is Standing.WELL


def test_one_that_has_stopped_costs_half_the_time_and_leaves_after_some_runs(house: House) -> None:
    house.replicas[0].takes = 60.0
    for _ in range(SILENT_RUNS):
        began = house.loop.time()
        assert house.run(0.1) is None
        assert house.loop.time() - began == pytest.approx(0.06)
    assert house.asked() == [SILENT_RUNS, SILENT_RUNS]
    assert house.run() is None
    assert house.asked() == [SILENT_RUNS, SILENT_RUNS + 1]
    assert "5 runs in a row" in house.endpoints[0].why


def test_what_takes_long_as_a_rule_is_given_its_time(house: House) -> None:
    for replica in house.replicas:
        replica.takes = 0.04
    house.endpoints[0].pace.observe(4, 0.04)
    assert house.run(0.1) is None
    assert house.replicas[0].asked[-1] == pytest.approx(0.1)


def test_nobody_is_asked_when_too_little_is_left(house: House) -> None:
    house.endpoints[1].pace.observe(4, 0.08)
    house.replicas[0].takes = 60.0
    assert isinstance(house.run(0.1), TooLate)
    assert house.asked() == [1, 0]


def test_a_fleet_that_is_late_as_a_whole_is_not_asked_twice_for_ever(house: House) -> None:
    for replica in house.replicas:
        replica.takes, replica.fails = 0.001, Busy("later")
    for _ in range(100):
        assert isinstance(house.run(), Busy)
    assert sum(house.asked()) == 110


def test_the_only_one_has_all_the_time(house: House) -> None:
    house.endpoints[1].leave("gone")
    house.replicas[0].takes = 60.0
    assert isinstance(house.run(0.1), TooLate)
    assert house.replicas[0].asked == [pytest.approx(0.1)]


def test_where_nobody_is_there_everybody_is_told_why(house: House) -> None:
    assert house.fleet.trouble() == ""
    house.endpoints[0].leave("its model is not ready")
    assert house.fleet.trouble() == ""
    house.endpoints[1].leave("connection refused")
    assert house.fleet.trouble() == (
        "Triton at a is away: its model is not ready; Triton at b is away: connection refused"
    )
    assert isinstance(house.run(), Away)
    assert house.asked() == [0, 0]


def test_a_slow_one_is_set_apart_and_asked_only_when_nobody_else_is_there(house: House) -> None:
    house.replicas[0].takes = 0.04
    for one in house.endpoints:
        for _ in range(KNOWN_AFTER):
            house.loop.run_until_complete(one.infer(REQUEST, 1.0))
    assert house.run() is None
    slow, fast = house.endpoints
    assert (slow.standing, fast.standing) == (Standing.SLOW, Standing.WELL)
    assert slow.why == "it takes 40.0 ms where another takes 10.0"
    before = house.asked()
    assert house.run() is None
    assert house.asked() == [before[0], before[1] + 1]
    fast.leave("connection refused")
    assert house.run() is None
    assert house.asked()[0] == before[0] + 1
    assert house.fleet.trouble() == ""


def test_a_slow_one_comes_back_when_it_is_fast_enough(house: House) -> None:
    slow, fast = house.endpoints
    for _ in range(KNOWN_AFTER):
        house.loop.run_until_complete(fast.infer(REQUEST, 1.0))
    slow.leave("slow", Standing.SLOW)
    assert not house.fleet.fast_enough(slow, 0.04)
    assert house.fleet.fast_enough(slow, 0.02)
    fast.leave("gone")
    assert house.fleet.fast_enough(slow, 0.04), "when there is nobody to compare it with"


def test_a_run_that_was_given_up_early_says_nothing_of_a_replica(house: House) -> None:
    async def give_up(after: float) -> None:
        run = asyncio.ensure_future(house.endpoints[0].infer(REQUEST, 0.1))
        await asyncio.sleep(after)
        run.cancel()
        await asyncio.wait([run])

    house.replicas[0].takes = 0.099
    for _ in range(SILENT_RUNS):
        house.loop.run_until_complete(give_up(0.02))
    assert house.endpoints[0].standing is Standing.WELL
    for _ in range(SILENT_RUNS):
        house.loop.run_until_complete(give_up(0.098))
    assert house.endpoints[0].standing is Standing.AWAY, "late as any other"
