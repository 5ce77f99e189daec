"""Which row was at fault: the one that fails again while the lane scores others; where it scores none, nobody."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.backends.backend import Away, BackendError
from gateway.fault_search import WAITING, FaultSearch, Outage
from gateway.halving import Found
from gateway.lane import Lane
from gateway.matrix import MatrixBuilder
from gateway.meters import FaultMeters
from gateway.policy import Policy, Thresholds
from gateway.testing.plans import small_plan
from gateway.testing.scripted_backend import ScriptedBackend, first_column
from monitoring.series import SeriesFile
from routing.table import CHAMPION
from tests.sim.virtual_loop import VirtualLoop

POLICY = Policy("1", 0.0, 100.0, Thresholds((), ("yes",)))
ROWS = np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)
Script = Callable[[NDArray[np.float32]], NDArray[np.float64]]


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.close()


class Room:
    """A search, and a lane for it."""

    def __init__(self, directory: Path) -> None:
        plan = small_plan(directory)
        self.backend = ScriptedBackend()
        self.lane = Lane(CHAMPION, "1", "d", plan, MatrixBuilder(plan, None), self.backend, POLICY)
        self.meters = FaultMeters(SeriesFile(directory / "metrics", 0), "fraud", CHAMPION)
        self.search = FaultSearch({CHAMPION: self.meters})

    def fails_at(self, *bad: float) -> None:
        def script(rows: NDArray[np.float32]) -> NDArray[np.float64]:
            if np.isin(rows[:, 0], bad).any():
                raise BackendError("bad")
            return first_column(rows)

        self.backend.script = script

    def settle(self, loop: VirtualLoop, rows: NDArray[np.float32] = ROWS) -> list[Found]:
        return self.settled(loop, rows)[0]

    def settled(self, loop: VirtualLoop, rows: NDArray[np.float32] = ROWS) -> tuple[list[Found], bool]:
        """Return what was found of each row, and whether the run is broken."""

        async def settle() -> tuple[list[Found], bool]:
            told: asyncio.Future[tuple[list[Found], bool]] = loop.create_future()
            self.search.settle(self.lane, rows, lambda found, broken: told.set_result((list(found), broken)))
            return await told

        return loop.run_until_complete(settle())


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_a_run_that_succeeds_when_repeated_charges_nobody(loop: VirtualLoop, room: Room) -> None:
    assert room.settle(loop) == [1.0, 2.0, 3.0, 4.0]
    assert room.backend.runs == [4]


def test_a_row_is_at_fault_when_it_fails_alone_and_others_do_not(loop: VirtualLoop, room: Room) -> None:
    room.fails_at(3.0)
    found = room.settle(loop)
    assert [found[0], found[1], found[3]] == [1.0, 2.0, 4.0]
    assert isinstance(found[2], BackendError)
    assert not isinstance(found[2], Outage)


def test_where_the_lane_scores_nothing_it_is_an_outage_and_no_rows_fault(loop: VirtualLoop, room: Room) -> None:
    room.search.scored(room.lane, ROWS)
    room.backend.failure = "away"
    assert all(isinstance(one, Outage) for one in room.settle(loop))


def test_a_lane_that_has_never_scored_a_row_is_away(loop: VirtualLoop, room: Room) -> None:
    room.fails_at(*ROWS[:, 0].tolist())
    assert all(isinstance(one, Outage) for one in room.settle(loop))


def test_a_row_that_is_alone_is_at_fault_when_one_that_was_scored_is_scored_again(
    loop: VirtualLoop, room: Room
) -> None:
    room.search.scored(room.lane, ROWS)
    room.fails_at(9.0)
    (found,) = room.settle(loop, np.array([[9.0]], np.float32))
    assert isinstance(found, BackendError)
    assert not isinstance(found, Outage)


def test_who_failed_alone_only_while_the_lane_was_away_is_not_at_fault(loop: VirtualLoop, room: Room) -> None:
    left = [5]

    def away_for_five_runs(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        left[0] -= 1
        if left[0] >= 0:
            raise BackendError("away")
        return first_column(rows)

    room.backend.script = away_for_five_runs
    assert room.settle(loop) == [1.0, 2.0, 3.0, 4.0]


def test_a_wrong_number_of_scores_is_a_failure_also_when_it_is_repeated(loop: VirtualLoop, room: Room) -> None:
    room.search.scored(room.lane, ROWS)
    room.backend.script = lambda rows: np.zeros(len(rows) + 1)
    assert all(isinstance(one, Outage) for one in room.settle(loop))


def test_a_search_that_costs_too_many_runs_leaves_rows_unknown(loop: VirtualLoop, room: Room) -> None:
    many = np.arange(64, dtype=np.float32)[:, None]
    room.fails_at(*range(0, 64, 2))
    found = room.settle(loop, many)
    assert None in found
    assert found[1] == 1.0


def test_what_there_is_no_room_for_is_dropped_whole(loop: VirtualLoop, room: Room) -> None:
    told: list[list[Found]] = []

    async def settle() -> None:
        for _ in range(WAITING + 2):
            room.search.settle(room.lane, ROWS, lambda found, broken: told.append(list(found)))
        await room.search.close()

    loop.run_until_complete(settle())
    assert len(told) == WAITING + 2
    assert told[0] == [None] * 4


def test_a_run_that_fails_again_is_broken_and_one_that_does_not_is_not(loop: VirtualLoop, room: Room) -> None:
    assert not room.settled(loop)[1]
    room.fails_at(3.0)
    assert room.settled(loop)[1]
    assert not room.settled(loop, ROWS[:2])[1]


@pytest.mark.parametrize("at", [0, 1, 2, 6, 7, 8])
def test_while_nobody_can_be_asked_no_row_is_at_fault(loop: VirtualLoop, room: Room, at: int) -> None:
    """The host dies at the first run of the search, or later on, also when rows are looked at once more."""
    room.search.scored(room.lane, ROWS)
    runs = 0

    def away(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        nonlocal runs
        runs += 1
        if runs > at:
            raise Away("the lane host is away")
        if len(rows) == 1 and rows[0, 0] == 1.0:
            return first_column(rows)
        raise BackendError("it failed")

    room.backend.script = away
    found, broken = room.settled(loop)
    assert broken is (at > 0)
    assert runs == at + 1, "it is not asked again and again"
    assert all(one is None or isinstance(one, float) for one in found[:1])
    assert sum(isinstance(one, BackendError) and not isinstance(one, Outage) for one in found) <= max(0, at - 8)


def test_a_run_that_does_not_come_back_is_no_rows_fault(
    loop: VirtualLoop, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        await asyncio.Event().wait()
        return first_column(rows)

    monkeypatch.setattr(room.backend, "run", never)
    assert room.settled(loop) == ([None] * 4, False)
