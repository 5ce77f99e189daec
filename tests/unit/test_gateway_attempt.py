"""What an attempt learns of the time that its lane takes, which decides what is begun after it."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from math import inf
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.attempt import Attempt, Ran
from gateway.backends.backend import Away, BackendError, TooLate
from gateway.breaker import Breaker
from gateway.errors import BackendUnavailable, DeadlineExceeded, PredictionFailed
from gateway.lane import Decided, Lane
from gateway.pace import Pace
from tests.sim.virtual_loop import VirtualLoop

MATRIX = np.zeros((4, 2), dtype=np.float32)


class SlowBackend:
    """Takes `seconds` a run, in another thread as it were; rows of which one is below 0 fail after as long.

    After `here` runs it is away. `told` keeps the seconds that were left to each run.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.here = 1_000
        self.away = Away("connection refused")
        self.told: list[float] = []

    async def run(self, rows: NDArray[np.float32], seconds: float = inf) -> NDArray[np.float64]:
        self.told.append(seconds)
        if len(self.told) > self.here:
            raise self.away
        await asyncio.sleep(self.seconds)
        if (rows < 0).any():
            raise BackendError("bad row")
        return rows[:, 0].astype(np.float64)


def lane(seconds: float, turn: AbstractAsyncContextManager[object] | None = None) -> Lane:
    """Return a lane that only runs and decides."""

    def decide(_: NDArray[np.float32], scores: list[float]) -> list[Decided]:
        return [Decided("approve", {"score": score}) for score in scores]

    made = SimpleNamespace(
        name="champion 1", backend=SlowBackend(seconds), blocking=False, salvages=True, apart=False, decide=decide
    )
    made.turn, made.pace, made.breaker = turn or asyncio.Lock(), Pace(), Breaker()
    return cast(Lane, made)


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    made = VirtualLoop()
    asyncio.set_event_loop(made)
    yield made
    asyncio.set_event_loop(None)
    made.close()


def attempt(loop: VirtualLoop, one: Lane, matrix: NDArray[np.float32] = MATRIX) -> tuple[Attempt, list[object]]:
    """Make an attempt that has 50 ms from now."""
    made = Attempt(one, loop.time, loop.time() + 0.05)
    return made, list(loop.run_until_complete(made.run(matrix)))


def test_a_run_is_noted_with_its_rows(loop: VirtualLoop) -> None:
    one = lane(0.02)
    made, outcomes = attempt(loop, one)
    assert made.ran == Ran(4, pytest.approx(0.02))
    assert len(outcomes) == 4
    assert one.pace.expect(4) == pytest.approx(0.02)


def test_a_run_that_was_cut_off_took_so_long_at_least(loop: VirtualLoop) -> None:
    one = lane(0.2)
    made, outcomes = attempt(loop, one)
    assert made.ran == Ran(4, pytest.approx(0.05))
    assert all(isinstance(outcome, BackendUnavailable) for outcome in outcomes)
    assert one.pace.expect(4) == pytest.approx(0.05)


def test_what_was_not_begun_is_no_run_of_no_time(loop: VirtualLoop) -> None:
    one = lane(0.02)
    one.pace.observe(4, 0.3)
    made, outcomes = attempt(loop, one)
    assert made.ran is None
    assert all(isinstance(outcome, DeadlineExceeded) for outcome in outcomes)


def test_waiting_for_the_turn_is_no_run(loop: VirtualLoop) -> None:
    turn = asyncio.Lock()
    loop.run_until_complete(turn.acquire())
    made, outcomes = attempt(loop, lane(0.02, turn))
    assert made.ran is None
    assert all(isinstance(outcome, BackendUnavailable) for outcome in outcomes)


def test_a_search_for_bad_rows_notes_the_runs_that_it_makes(loop: VirtualLoop) -> None:
    matrix = MATRIX.copy()
    matrix[0] = -1
    made, outcomes = attempt(loop, lane(0.005), matrix)
    assert made.ran is not None
    assert made.ran.rows < 4
    assert [isinstance(outcome, Decided) for outcome in outcomes] == [False, True, True, True]


def test_a_run_is_told_what_is_left_to_it(loop: VirtualLoop) -> None:
    one = lane(0.005)
    attempt(loop, one)
    assert backend_of(one).told == [pytest.approx(0.05)]


def test_who_is_away_is_not_asked_half_by_half(loop: VirtualLoop) -> None:
    one = lane(0.005)
    backend_of(one).here = 0
    made, outcomes = attempt(loop, one)
    assert all(isinstance(outcome, BackendUnavailable) for outcome in outcomes)
    assert "connection refused" in str(outcomes[0])
    assert made.raised, "so that it is looked at afterwards"
    assert len(backend_of(one).told) == 1


@pytest.mark.parametrize("gone", [Away("connection refused"), TooLate("silent")])
def test_who_goes_away_while_bad_rows_are_searched_is_not_asked_any_more(loop: VirtualLoop, gone: Away) -> None:
    matrix = np.zeros((32, 2), dtype=np.float32)
    matrix[0] = -1
    one = lane(0.001)
    backend_of(one).here, backend_of(one).away = 2, gone
    _, outcomes = attempt(loop, one, matrix)
    assert len(backend_of(one).told) == 3
    assert not any(isinstance(outcome, Decided) for outcome in outcomes)


def test_a_backend_that_says_that_it_is_too_late_took_so_long(loop: VirtualLoop) -> None:
    one = lane(0.005)
    backend_of(one).here, backend_of(one).away = 0, TooLate("silent")
    made, outcomes = attempt(loop, one)
    assert not made.raised
    assert made.ran is not None
    assert all(isinstance(outcome, BackendUnavailable) for outcome in outcomes)


def backend_of(one: Lane) -> SlowBackend:
    return cast(SlowBackend, one.backend)


@pytest.mark.parametrize(
    ("seconds", "gone", "away"),
    [(0.01, None, False), (0.2, None, False), (0.01, Away("connection refused"), True), (0.01, TooLate("late"), False)],
)
def test_a_run_that_nobody_takes_is_away(loop: VirtualLoop, seconds: float, gone: Away | None, away: bool) -> None:
    one = lane(seconds)
    if gone is not None:
        backend_of(one).here, backend_of(one).away = 0, gone
    assert attempt(loop, one)[0].away is away


def test_a_run_that_was_never_begun_found_nobody_away(loop: VirtualLoop) -> None:
    one = lane(0.01)
    one.breaker.failed(0.0)
    for _ in range(5):
        one.breaker.failed(loop.time())
    paused, _ = attempt(loop, one)
    waiting = lane(0.01, turn=asyncio.Semaphore(0))
    assert not paused.away
    assert not attempt(loop, waiting)[0].away


def test_where_requests_have_runs_of_their_own_none_fails_for_another(loop: VirtualLoop) -> None:
    one = lane(0.01)
    cast(Any, one).apart = True
    rows = np.array([[1.0], [-1.0], [2.0]], dtype=np.float32)
    made, outcomes = attempt(loop, one, rows)
    assert [isinstance(outcome, Decided) for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1], PredictionFailed)
    assert made.raised, "it is looked for whose fault it was"
    assert not one.breaker.open
    slow = lane(0.04)
    cast(Any, slow).apart = True
    assert isinstance(attempt(loop, slow, rows)[1][0], BackendUnavailable), "there is no time to ask again"
