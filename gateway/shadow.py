"""The mirror: runs shadows on a sample of answered rows, after the replies have left, and compares the decisions.

It is the first thing dropped: at most `limit` rows wait for a shadow, and what does not fit is counted, not kept.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.features.plan import Plan
from gateway.intake import Row
from gateway.lane import Decided, Lane
from gateway.meters import ShadowMeters
from gateway.stored import StoredReader

log = logging.getLogger("sluice.shadow")


@dataclass(frozen=True, slots=True)
class Sample:
    """A row that was answered: with its stored features by `plan`, and what was decided."""

    row: Row
    plan: Plan
    stored: NDArray[np.float64]
    decided: Decided


class Shadow:
    """One shadow lane with its rate. `draw` returns a number in [0, 1) a row."""

    def __init__(
        self,
        lane: Lane,
        rate: float,
        features: StoredReader,
        meters: ShadowMeters,
        draw: Callable[[], float],
        limit: int = 1024,
    ) -> None:
        self.lane = lane
        self._features = features
        self._rate = rate
        self._meters = meters
        self._draw = draw
        self._limit = limit
        self._waiting: list[Sample] = []
        self._task: asyncio.Task[None] | None = None

    def wants(self) -> bool:
        """Draw whether the next row is mirrored."""
        return self._draw() < self._rate

    def mirror(self, samples: Sequence[Sample]) -> None:
        """Take rows to run later. Never waits, never raises."""
        room = self._limit - len(self._waiting)
        self._waiting.extend(samples[:room])
        if len(samples) > room:
            self._meters.dropped.add(len(samples) - room)
        if self._task is None and self._waiting:
            self._task = asyncio.get_running_loop().create_task(self._drain(), name=f"shadow {self.lane.version}")

    async def close(self) -> None:
        """Finish what was taken."""
        if self._task is not None:
            await self._task

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # the replies first
                samples, self._waiting = self._waiting, []
                await self._compare(samples)
        except Exception:  # supervised: a shadow's defect must not reach a caller
            log.exception("shadow failed", extra={"version": self.lane.version})
        finally:
            self._task = None

    async def _compare(self, samples: list[Sample]) -> None:
        rows = [one.row for one in samples]
        outcomes = await self.lane.run(rows, await self._stored(samples, rows))
        for sample, outcome in zip(samples, outcomes, strict=True):
            if not isinstance(outcome, Decided):
                self._meters.failed.add()
                continue
            self._meters.ok.add()
            if outcome.decision != sample.decided.decision:
                self._meters.flips.add()

    async def _stored(self, samples: Sequence[Sample], rows: Sequence[Row]) -> NDArray[np.float64]:
        """The answering lane's row serves the shadow too, unless the shadow's plan wants other features."""
        if all(one.plan.groups == self.lane.plan.groups for one in samples):
            return np.array([one.stored for one in samples])
        return (await self._features.read(self.lane.plan, rows)).values
