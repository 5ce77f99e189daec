"""One lane's attempt at rows of a list: not begun in vain, behind its breaker, inside its time, halved if need be."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Away, BackendError, TooLate, Unfit
from gateway.errors import (
    TOO_LITTLE_LEFT,
    BackendUnavailable,
    DeadlineExceeded,
    GatewayError,
    InvalidRequest,
    PredictionFailed,
)
from gateway.halving import Found, halve, scored_rows
from gateway.lane import Lane, Outcome

# Runs that the search for a bad row may cost the others of its list.
MOST_RUNS = 24


class Ran(NamedTuple):
    """A run that ended well or was cut off, without the time that it had to wait for its turn."""

    rows: int
    seconds: float


class Attempt:
    """Rows in, one outcome a row out. `until` is the moment by which the lane must be done, on the same clock.

    `alone` says that nobody stands in for the lane: then being late, which may be the load's fault, gives it no pause.
    """

    def __init__(self, lane: Lane, clock: Callable[[], float], until: float, alone: bool = False) -> None:
        self._lane = lane
        self._clock = clock
        self._until = until
        self._alone = alone
        self._runs_left = MOST_RUNS
        self.raised = False
        """Whether the run of all rows together raised."""
        self.away = False
        """Whether nobody was there who could be asked. To be late is no such thing: runs on this thread never are."""
        self.ran: Ran | None = None
        """The last run, if there was one."""

    async def run(self, matrix: NDArray[np.float32]) -> list[Outcome]:
        """Score the matrix, shape (rows, features). Nothing is raised: what went wrong is the rows' outcome."""
        lane, rows, began = self._lane, len(matrix), self._clock()
        if began + lane.pace.expect(rows) > self._until:
            lane.pace.doubt()
            return [DeadlineExceeded(TOO_LITTLE_LEFT)] * rows
        if not lane.breaker.allows(began):
            return [BackendUnavailable(f"{lane.name} has failed too often and is given a pause")] * rows
        try:
            scores: Sequence[float] = (await self._score(matrix)).tolist()
        except TooLate as exc:
            if not self._alone:
                lane.breaker.failed(self._clock())
            return [BackendUnavailable(str(exc))] * rows
        except Away as exc:
            self.raised = self.away = True
            lane.breaker.failed(self._clock())
            return [self._failure(exc)] * rows
        except BackendError as exc:
            self.raised = True
            if lane.apart:
                return [self._at(exc)] if rows == 1 else await self._each(matrix)
            return await self._salvage(matrix, exc)
        lane.breaker.succeeded()
        return lane.decide(matrix, scores)

    async def _score(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        lane = self._lane
        scores = await (self._run(matrix) if lane.blocking else self._run_elsewhere(matrix))
        if len(scores) != len(matrix):
            raise BackendError(f"{len(scores)} scores for {len(matrix)} rows")
        return scores

    async def _run(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        began = self._clock()
        try:
            scores = await self._lane.backend.run(matrix, self._until - began)
        except (asyncio.CancelledError, TooLate):
            self._note(len(matrix), began)  # it takes so long at least: who learned nothing of it would begin it again
            raise
        self._note(len(matrix), began)
        return scores

    def _note(self, rows: int, began: float) -> None:
        self.ran = Ran(rows, self._clock() - began)
        self._lane.pace.observe(*self.ran)

    async def _run_elsewhere(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        lane, loop = self._lane, asyncio.get_running_loop()
        # Whose turn comes later than this cannot finish in time: it is told so now, and not when its time is over.
        last_start = self._until - lane.pace.expect(len(matrix))
        try:
            async with asyncio.timeout(max(0.0, last_start - self._clock())) as limit, lane.turn:
                limit.reschedule(loop.time() + max(0.0, self._until - self._clock()))
                return await self._run(matrix)
        except TimeoutError as exc:
            done = "did not answer in time" if self.ran is not None else "had too much to do"
            raise TooLate(f"{lane.name} {done}") from exc

    async def _salvage(self, matrix: NDArray[np.float32], error: BackendError) -> list[Outcome]:
        """Answer a bad row's neighbours, if this lane is trusted with a second look; else all rows have failed."""
        lane = self._lane
        found: list[Found] = [error] * len(matrix)
        if lane.salvages and len(matrix) > 1:
            found = await halve(self._score_part, matrix, self._may_run)
        good = scored_rows(found)
        if good:
            lane.breaker.succeeded()
        else:
            lane.breaker.failed(self._clock())
        decided = dict(zip(good, lane.decide(matrix[[*good]], [*good.values()]), strict=True))
        errors = [one if isinstance(one, BackendError) else error for one in found]
        return [decided[at] if at in decided else self._failure(one) for at, one in enumerate(errors)]

    async def _each(self, matrix: NDArray[Any]) -> list[Outcome]:
        """Ask for rows one by one, all at the same time, of which a run together has failed: none fails for another."""
        return list(await asyncio.gather(*(self._alone_in_run(matrix[at : at + 1]) for at in range(len(matrix)))))

    async def _alone_in_run(self, row: NDArray[Any]) -> Outcome:
        try:
            scores = (await self._score(row)).tolist()
        except TooLate as exc:
            return BackendUnavailable(str(exc))
        except BackendError as exc:
            return self._at(exc)
        (outcome,) = self._lane.decide(row, scores)
        return outcome

    async def _score_part(self, part: NDArray[np.float32]) -> NDArray[np.float64]:
        """Look at a part of a list once more; who is away, or late, is not asked again."""
        try:
            return await self._score(part)
        except Away:
            self._runs_left = 0
            raise

    def _may_run(self, rows: int) -> bool:
        self._runs_left -= 1
        return self._runs_left >= 0 and self._clock() + self._lane.pace.expect(rows) <= self._until

    def _at(self, cause: BackendError) -> Outcome:
        """Return what a failed run says of the one request in it."""
        if not (self._alone and isinstance(cause, Unfit)):
            return self._failure(cause)
        refused = InvalidRequest(str(cause))
        refused.__cause__ = cause
        return refused

    def _failure(self, cause: BackendError) -> GatewayError:
        kind = BackendUnavailable if isinstance(cause, Away) else PredictionFailed
        failure = kind(f"{self._lane.name} could not run: {cause}")
        failure.__cause__ = cause
        return failure
