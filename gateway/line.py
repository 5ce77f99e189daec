"""The line: how a list of rows of one deployment becomes answers. Read it from top to bottom.

Nothing here is per request that can be per list: one read of the feature store, one matrix and one run a lane. Rows
leave as soon as their own lane is done, and a row whose deadline passes leaves then, whatever its neighbours wait for.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.call import Answer
from gateway.deployment import Deployment
from gateway.errors import DeadlineExceeded, GatewayError
from gateway.expiry import Expiry
from gateway.features.row_status import ALL_FRESH
from gateway.intake import Row
from gateway.lane import Decided, Lane, Outcome
from gateway.meters import NO_ARM, Meters
from gateway.shadow import Sample, Shadow
from gateway.stored import Stored, StoredReader, refusal_of
from routing.table import CHAMPION


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes of one table: who may answer, by arm, and who only watches."""

    answering: dict[str, Lane]
    shadows: tuple[Shadow, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that go through a lane together, with their stored features and the matrix made of them for the model.

    `started` is when their list did.
    """

    rows: Sequence[Row]
    stored: Stored
    matrix: NDArray[np.float32]
    started: float

    def take(self, indices: Sequence[int]) -> "Batch":
        """Return some of the rows with their features."""
        if len(indices) == len(self.rows):
            return self
        rows = [self.rows[at] for at in indices]
        return Batch(rows, self.stored.take(indices), self.matrix[indices], self.started)


class Line:
    """Carries lists of one deployment. `clock` is the worker's monotonic clock."""

    def __init__(
        self,
        deployment: Deployment,
        lanes: Lanes,
        features: StoredReader,
        meters: Meters,
        clock: Callable[[], float],
    ) -> None:
        self.deployment = deployment
        self.lanes = lanes
        self._champion = lanes.answering[CHAMPION]
        self._features = features
        self._meters = meters
        self._clock = clock

    async def serve(self, rows: list[Row]) -> None:
        """Answer every row, each exactly once. The rows have passed the intake."""
        started = self._clock()
        self._meters.list_rows.observe(len(rows))
        expiry = Expiry(rows, self._clock, self.refuse)
        try:
            batch = await self._prepare(self._champion, rows, started)
            parts = self._route(batch)
            if len(parts) == 1:
                await self._answer(*parts[0])
            else:
                await asyncio.gather(*(self._answer(arm, part) for arm, part in parts))
        finally:
            expiry.cancel()

    def refuse(self, row: Row, error: GatewayError, arm: str = NO_ARM) -> None:
        """Answer a row with a refusal or a failure, and count it."""
        if not row.settled:
            row.settle(error)
            self._meters.refuse(arm, error.code)

    def count_refusal(self, error: GatewayError) -> None:
        """Count a call that was refused before it had an arm."""
        self._meters.refuse(NO_ARM, error.code)

    async def close(self) -> None:
        """Let the shadows finish, then release the backends."""
        for shadow in self.lanes.shadows:
            await shadow.close()
        for lane in (*self.lanes.answering.values(), *(shadow.lane for shadow in self.lanes.shadows)):
            await lane.backend.close()

    async def _prepare(self, lane: Lane, rows: Sequence[Row], started: float) -> Batch:
        stored = await self._features.read(lane.plan, rows)
        return Batch(rows, stored, lane.build(rows, stored.values), started)

    def _route(self, batch: Batch) -> list[tuple[str, Batch]]:
        arm_of = self.deployment.table.arm_of
        routed: dict[str, list[int]] = {}
        for index, row in enumerate(batch.rows):
            routed.setdefault(arm_of(row.unit), []).append(index)
        return [(arm, batch.take(indices)) for arm, indices in routed.items()]

    async def _answer(self, arm: str, batch: Batch) -> None:
        """One lane's part of the list: features, one run, replies; then metrics and the mirror."""
        lane = self.lanes.answering[arm]
        if lane.plan is not self._champion.plan:  # the assembly gives equal plans one identity
            batch = await self._prepare(lane, batch.rows, batch.started)
        batch = self._refuse_unreadable(arm, batch)
        if not batch.rows:
            return
        began = self._clock()
        outcomes = await lane.run(batch.matrix)
        ended = self._clock()
        answered = self._reply(lane, batch, outcomes, began, ended)
        self._meters.arms[arm].infer.observe(ended - began)
        self._record(arm, batch, outcomes, answered, ended)
        self._mirror(batch, outcomes, answered)

    def _refuse_unreadable(self, arm: str, batch: Batch) -> Batch:
        unreadable = batch.stored.unreadable()
        if not unreadable:
            return batch
        for index, features in unreadable.items():
            self.refuse(batch.rows[index], refusal_of(features), arm)
        return batch.take([at for at in range(len(batch.rows)) if at not in unreadable])

    def _reply(self, lane: Lane, batch: Batch, outcomes: Sequence[Outcome], began: float, ended: float) -> list[int]:
        """Send every answer or failure; return the indices of the rows that were answered."""
        odd, answered = batch.stored.odd, []
        for index, (row, outcome) in enumerate(zip(batch.rows, outcomes, strict=True)):
            if row.settled:
                continue
            call = row.call
            if not isinstance(outcome, Decided):
                self.refuse(row, outcome, lane.arm)
            elif call.deadline < ended:
                self.refuse(row, DeadlineExceeded("the answer was ready after the deadline"), lane.arm)
            else:
                status = odd.get(index, ALL_FRESH)
                row.settle(
                    Answer(
                        outputs=outcome.outputs,
                        decision=outcome.decision,
                        arm=lane.arm,
                        bundle_version=lane.version,
                        policy_version=lane.policy.version,
                        degraded_reasons=status.reasons,
                        statuses=status.statuses,
                        queue_time=batch.started - call.received,
                        features_time=batch.stored.seconds,
                        infer_time=ended - began,
                        total_time=ended - call.received,
                    )
                )
                answered.append(index)
        return answered

    def _record(
        self, arm: str, batch: Batch, outcomes: Sequence[Outcome], answered: Sequence[int], ended: float
    ) -> None:
        meters = self._meters.arms[arm]
        meters.answered.add(len(answered))
        received = [batch.rows[index].call.received for index in answered]
        meters.total.observe_since(received, ended)
        self._meters.queue.observe_since(received, batch.started)
        for index in answered:
            outcome = outcomes[index]
            if isinstance(outcome, Decided):
                meters.decisions[outcome.decision].add()

    def _mirror(self, batch: Batch, outcomes: Sequence[Outcome], answered: Sequence[int]) -> None:
        for shadow in self.lanes.shadows:
            chosen = [index for index in answered if shadow.wants()]
            if chosen:
                shadow.mirror([_sample(batch, index, outcomes[index]) for index in chosen])


def _sample(batch: Batch, index: int, outcome: Outcome) -> Sample:
    if not isinstance(outcome, Decided):
        raise TypeError("only answered rows are mirrored")
    return Sample(batch.rows[index], batch.stored.plan, batch.matrix[index], outcome)
