"""The mirror: runs shadows on a sample of answered rows, after the replies have left, and compares the decisions.

It is the first thing dropped: at most `limit` rows wait for a shadow, and what does not fit is counted, not kept.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.attempt import Attempt
from gateway.features.plan import Plan
from gateway.intake import Row
from gateway.lane import Decided, Lane
from gateway.meters import ShadowMeters
from gateway.stored import StoredReader

log = logging.getLogger("sluice.shadow")

# Seconds that features of a shadow's own are waited for: nobody waits for the shadow.
PATIENCE = 0.05
# Seconds that a run of a shadow may take before it is given up.
RUN_PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A row that was answered: with its line of the matrix, made by `plan`, and what was decided."""

    row: Row
    plan: Plan
    features: NDArray[np.float32]
    decided: Decided


class Shadow:
    """One shadow lane with its rate. `draw` returns a number in [0, 1) a row.

    Rows gather for `pause` seconds: nobody waits for a shadow, and one run of ten rows costs little more than of one.
    """

    def __init__(
        self,
        lane: Lane,
        rate: float,
        features: StoredReader,
        meters: ShadowMeters,
        draw: Callable[[], float],
        clock: Callable[[], float],
        limit: int = 1024,
        pause: float = 0.02,
    ) -> None:
        self.lane = lane
        self._features = features
        self._rate = rate
        self._meters = meters
        self._draw = draw
        self._clock = clock
        self._limit = limit
        self._pause = pause
        self._waiting: list[Sample] = []
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def wants(self) -> bool:
        """Draw whether the next row is mirrored."""
        return self._draw() < self._rate

    def mirror(self, samples: Sequence[Sample]) -> None:
        """Take rows to run later. Never waits, never raises."""
        room = self._limit - len(self._waiting)
        self._waiting.extend(samples[:room])
        if len(samples) > room:
            self.drop(len(samples) - room)
        if self._task is None and self._timer is None and self._waiting:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._start)

    def drop(self, rows: int) -> None:
        """Count rows that would have been mirrored, had there been room or time for it."""
        self._meters.dropped.add(rows)

    async def close(self) -> None:
        """Finish what was taken."""
        if self._timer is not None:
            self._timer.cancel()
            self._start()
        if self._task is not None:
            await self._task

    def _start(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._drain(), name=f"shadow {self.lane.version}")

    async def _drain(self) -> None:
        try:
            while self._waiting:
                samples, self._waiting = self._waiting, []
                await self._compare(samples)
        except Exception:  # supervised: a shadow's defect must not reach a caller
            log.exception("shadow failed", extra={"version": self.lane.version})
        finally:
            self._task = None

    async def _compare(self, samples: list[Sample]) -> None:
        outcomes = await Attempt(self.lane, self._clock, self._clock() + RUN_PATIENCE).run(await self._matrix(samples))
        for sample, outcome in zip(samples, outcomes, strict=True):
            if not isinstance(outcome, Decided):
                self._meters.failed.add()
                continue
            self._meters.ok.add()
            if outcome.decision != sample.decided.decision:
                self._meters.flips.add()

    async def _matrix(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """The answering lane's row serves the shadow too, unless the shadow's plan wants other features."""
        if all(one.plan is self.lane.plan for one in samples):
            return np.array([one.features for one in samples])
        rows = [one.row for one in samples]
        return self.lane.build(rows, (await self._features.read(self.lane.plan, rows, PATIENCE)).values)
