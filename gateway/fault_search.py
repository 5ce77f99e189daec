"""Which row was at fault when a run failed: settled afterwards, off the path, and in the same way for every arm.

A run that succeeds when it is repeated was flaky, and says nothing of any row. One that fails again is broken, and is
halved until each row was scored or failed alone. A lane that is out fails at any row, and all rows of a list would be
charged with one cause: so a row is at fault only when it fails once more after a row that the lane has scored before
was scored again. While nobody can be asked, nothing is found out. What there is no room for is dropped whole and
counted, never cut short for one arm more than for another: the judge compares arms by these figures.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from gateway.backends.backend import Away, BackendError
from gateway.halving import Found, Scored, halve, scored_rows
from gateway.lane import Lane
from gateway.meters import FaultMeters

log = logging.getLogger("sluice.faults")

# Failed runs that may wait to be looked at; runs that one of them may cost, which is 64 rows with five bad ones; and
# runs beyond those by which rows that failed are confirmed: else a list with more bad rows would have none at fault.
WAITING = 16
MOST_RUNS = 64
CONFIRMING = 16
# Seconds between two runs: nobody waits for the result, and callers wait for everything else.
PAUSE = 0.005
PATIENCE = 1.0


class Outage(BackendError):
    """The lane failed whatever the row: also at one that it has scored before."""


def is_at_fault(found: Found) -> bool:
    """Whether it was the row that broke the run."""
    return isinstance(found, BackendError) and not isinstance(found, Outage)


Tell = Callable[[Sequence[Found], bool], None]
"""Hears by row, once, what came of the search: its score, the error that it gives alone, or None: nobody knows.

And whether the run is broken: it failed again when it was repeated as a whole.
"""


class FaultSearch:
    """Looks at one failed run after the other. `meters` is by arm."""

    def __init__(self, meters: Mapping[str, FaultMeters]) -> None:
        self._meters = meters
        self._waiting: deque[tuple[Lane, NDArray[Any], Tell]] = deque()
        self._scored: dict[str, NDArray[Any]] = {}
        self._task: asyncio.Task[None] | None = None

    def scored(self, lane: Lane, matrix: NDArray[Any]) -> None:
        """Remember rows that a lane has just scored: by them it is seen whether the lane is there."""
        self._scored[lane.arm] = matrix

    def settle(self, lane: Lane, matrix: NDArray[Any], tell: Tell) -> None:
        """Take a run that raised. Never waits, never raises."""
        if len(self._waiting) >= WAITING:
            self._drop(lane, matrix, tell)
            return
        self._waiting.append((lane, matrix, tell))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain(), name="fault search")

    async def close(self) -> None:
        """Give up what has not been settled, and count it as dropped."""
        while self._waiting:
            self._drop(*self._waiting.popleft())
        if self._task is not None:
            await self._task

    async def _drain(self) -> None:
        try:
            while self._waiting:
                lane, matrix, tell = self._waiting.popleft()
                found: Sequence[Found] = [None] * len(matrix)
                broken = False
                try:
                    found, broken = await self._search(lane, matrix)
                finally:
                    tell(found, broken)
        except Exception:  # supervised: a defect here must not reach a caller
            log.exception("the search for faults failed")
        finally:
            self._task = None

    def _drop(self, lane: Lane, matrix: NDArray[Any], tell: Tell) -> None:
        self._meters[lane.arm].dropped.add()
        tell([None] * len(matrix), False)

    async def _search(self, lane: Lane, matrix: NDArray[Any]) -> tuple[Sequence[Found], bool]:
        meters, search = self._meters[lane.arm], _Search(lane)
        try:
            scores = await search.run(matrix)
        except Away:
            meters.unfinished.add(len(matrix))
            return [None] * len(matrix), False
        except BackendError as exc:
            found = await search.rows_at_fault(matrix, exc, self._scored.get(lane.arm))
            unknown = sum(one is None or isinstance(one, Outage) for one in found)
            meters.row.add(sum(map(is_at_fault, found)))
            meters.unfinished.add(unknown)
            return found, True
        meters.flaky.add()
        return list(scores.tolist()), False


class _Search:
    """The runs that one failed run costs. Once nobody can be asked, nobody is asked any more."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._runs = 0
        self._away = False

    async def run(self, rows: NDArray[Any]) -> NDArray[Any]:
        await asyncio.sleep(PAUSE)
        try:
            scores = await asyncio.wait_for(self._lane.backend.run(rows, PATIENCE), PATIENCE)
        except (Away, TimeoutError) as exc:
            self._away = True
            raise Away("did not come back") from exc
        if len(scores) != len(rows):
            raise BackendError(f"{len(scores)} scores for {len(rows)} rows")
        return scores

    async def rows_at_fault(
        self, matrix: NDArray[Any], error: BackendError, scored: NDArray[Any] | None
    ) -> list[Found]:
        """Return what came of each row of a run that failed again, with `error`.

        `scored` are rows that the lane has scored before, None where there are none. A lane that fails there too is
        out, and its rows need not be searched one by one.
        """
        if scored is not None and isinstance(out := await self._alone(scored[:1]), BackendError):
            return [Outage(str(out))] * len(matrix)
        found: list[Found] = [error]
        if len(matrix) > 1:
            found = await halve(self.run, matrix, self._may_run)
        failed = [at for at, one in enumerate(found) if isinstance(one, BackendError)]
        good = list(scored_rows(found))
        known = matrix[good[-1:]] if good else None if scored is None else scored[:1]
        for at, confirmed in zip(failed, await self._confirm(matrix[failed], known), strict=True):
            found[at] = confirmed
        return found

    async def _confirm(self, rows: NDArray[Any], known: NDArray[Any] | None) -> list[Found]:
        """Run rows that failed alone once more, if the lane is there: if it scores the row that is known."""
        found: list[Found] = [None] * len(rows)
        if not len(rows) or self._away:
            return found
        try:
            if known is None:
                raise BackendError("it has not scored anything yet")
            await self.run(known)
        except Away:
            return found
        except BackendError as exc:
            return [Outage(str(exc))] * len(rows)
        for at in range(min(len(rows), CONFIRMING)):
            found[at] = await self._alone(rows[at : at + 1])
        return found

    async def _alone(self, row: NDArray[Any]) -> Found:
        """Return what a row comes to by itself; None: nobody can be asked."""
        if self._away:
            return None
        try:
            (found,) = (await self.run(row)).tolist()
        except Away:
            return None
        except BackendError as exc:
            return exc
        scored: Scored = found
        return scored

    def _may_run(self, rows: int) -> bool:
        self._runs += 1
        return self._runs <= MOST_RUNS and not self._away
