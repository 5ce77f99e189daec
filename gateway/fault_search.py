"""Which row was at fault when a run failed: settled afterwards, off the path, and in the same way for every arm.

A run that succeeds when it is repeated was flaky, and says nothing of any row. One that fails again is broken, and is
halved until each row was scored or failed alone. While nobody can be asked, nothing is found out: an outage is no row's
fault. What there is no room for is dropped whole and counted, never cut short for one arm
more than for another: the judge compares arms by these figures.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Away, BackendError
from gateway.halving import Found, halve
from gateway.lane import Lane
from gateway.meters import FaultMeters

log = logging.getLogger("sluice.faults")

# Failed runs that may wait to be looked at, and runs that one of them may cost: 64 rows with five bad ones.
WAITING = 16
MOST_RUNS = 64
# Seconds between two runs: nobody waits for the result, and callers wait for everything else.
PAUSE = 0.005
PATIENCE = 1.0

Tell = Callable[[Sequence[Found], bool], None]
"""Hears by row, once, what came of the search: its score, the error that it gives alone, or None: nobody knows.

And whether the run is broken: it failed again when it was repeated as a whole.
"""


class FaultSearch:
    """Looks at one failed run after the other. `meters` is by arm."""

    def __init__(self, meters: Mapping[str, FaultMeters]) -> None:
        self._meters = meters
        self._waiting: deque[tuple[Lane, NDArray[np.float32], Tell]] = deque()
        self._task: asyncio.Task[None] | None = None

    def settle(self, lane: Lane, matrix: NDArray[np.float32], tell: Tell) -> None:
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

    def _drop(self, lane: Lane, matrix: NDArray[np.float32], tell: Tell) -> None:
        self._meters[lane.arm].dropped.add()
        tell([None] * len(matrix), False)

    async def _search(self, lane: Lane, matrix: NDArray[np.float32]) -> tuple[Sequence[Found], bool]:
        meters, runs, away = self._meters[lane.arm], 0, False

        async def run(rows: NDArray[np.float32]) -> NDArray[np.float64]:
            nonlocal away
            await asyncio.sleep(PAUSE)
            try:
                scores = await asyncio.wait_for(lane.backend.run(rows), PATIENCE)
            except (Away, TimeoutError) as exc:
                away = True
                raise Away("did not come back") from exc
            if len(scores) != len(rows):
                raise BackendError(f"{len(scores)} scores for {len(rows)} rows")
            return scores

        def may_run(rows: int) -> bool:
            nonlocal runs
            runs += 1
            return runs <= MOST_RUNS and not away

        try:
            scores = await run(matrix)
        except Away:
            meters.unfinished.add(len(matrix))
            return [None] * len(matrix), False
        except BackendError as exc:
            found = await halve(run, matrix, may_run) if len(matrix) > 1 else [exc]
            found = [None if isinstance(one, Away) else one for one in found]
            meters.row.add(sum(isinstance(one, BackendError) for one in found))
            meters.unfinished.add(sum(one is None for one in found))
            return found, True
        meters.flaky.add()
        return list(scores.tolist()), False
