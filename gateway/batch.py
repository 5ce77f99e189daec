"""Rows on their way through a lane together, and what the lane made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.attempt import Ran
from gateway.call import Answer
from gateway.errors import GatewayError, PredictionFailed
from gateway.features.row_status import ALL_FRESH
from gateway.intake import Row
from gateway.lane import Decided, Lane, Outcome
from gateway.sample import Sample
from gateway.stored import Stored
from routing.table import FALLBACK


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


@dataclass(slots=True)
class Tried:
    """What one lane made of a part of a list that was assigned to an arm, and which of its rows got that as answer."""

    assigned: str
    lane: Lane
    batch: Batch
    outcomes: Sequence[Outcome]
    began: float
    ended: float
    ran: Ran | None
    """The run itself, if there was one."""
    answered: list[int] = field(default_factory=list)
    failed: dict[int, GatewayError] = field(default_factory=dict)
    """The rows that got an error for good."""

    def answer(self, index: int, row: Row, decided: Decided) -> Answer:
        """Return a row's answer."""
        lane, status, call = self.lane, self.batch.stored.odd.get(index, ALL_FRESH), row.call
        stands_in = lane.arm != self.assigned
        return Answer(
            outputs=decided.outputs,
            decision=decided.decision,
            arm=lane.arm,
            bundle_version=lane.version,
            policy_version=lane.policy.version,
            degraded_reasons=(FALLBACK, *status.reasons) if lane.arm == FALLBACK else status.reasons,
            statuses=status.statuses,
            queue_time=self.batch.started - call.received,
            features_time=self.batch.stored.seconds,
            infer_time=self.ended - self.began,
            total_time=self.ended - call.received,
            assigned=self.assigned if stands_in else "",
        )

    @property
    def faulty(self) -> list[int]:
        """The rows that got an error because of what the model made of them."""
        return [index for index, error in self.failed.items() if isinstance(error, PredictionFailed)]

    def sample(self, index: int) -> Sample:
        """Return a row as those want it who only watch."""
        outcome = self.outcomes[index]
        return Sample(self.batch.rows[index], self.batch.stored.plan, self.batch.matrix[index], outcome)
