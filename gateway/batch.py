"""Rows on their way through a lane together, and what the lane made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.attempt import Ran
from gateway.backends.backend import Unfit
from gateway.call import Answer
from gateway.errors import GatewayError, PredictionFailed
from gateway.features.row_status import ALL_FRESH, RowStatus
from gateway.intake import Row
from gateway.lane import Decided, Lane, Outcome
from gateway.sample import Sample
from gateway.stored import Stored
from routing.table import FALLBACK

UNKEPT = "answer_not_kept"
"""Why an answer is degraded that may change when its call is repeated, though its deployment promises otherwise."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that go through a lane together, with their stored features and the matrix made of them for the model.

    `started` is when their list did.
    """

    rows: Sequence[Row]
    stored: Stored
    matrix: NDArray[np.float32]
    started: float

    @property
    def given(self) -> bool:
        """Whether callers sent the model's whole input: no list holds such rows and others."""
        return bool(self.rows) and self.rows[0].call.vector is not None

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
    outcomes: list[Outcome]
    began: float
    ended: float
    ran: Ran | None
    """The run itself, if there was one."""
    answered: list[int] = field(default_factory=list)
    failed: dict[int, GatewayError] = field(default_factory=dict)
    """The rows that got an error for good."""
    replayed: set[int] = field(default_factory=set)
    """The rows that got what somebody else was answered under their request id, a moment before."""
    unkept: set[int] = field(default_factory=set)
    """The rows whose answer is not kept, though it should be."""
    ages: Mapping[int, float] = field(default_factory=dict)
    """The rows whose score was computed ahead, with its age in seconds."""
    keeping: float = 0.0
    """Seconds that went into keeping answers, before `ended`."""

    @property
    def infer(self) -> float:
        """Seconds that the lane took."""
        return self.ended - self.began - self.keeping

    def reasons(self, index: int) -> tuple[str, ...]:
        """Return why a row's answer is degraded; none if it is not."""
        reasons = self._status(index).reasons
        if self.lane.arm == FALLBACK:
            reasons = (FALLBACK, *reasons)
        return (*reasons, UNKEPT) if index in self.unkept else reasons

    def answer(self, index: int, row: Row, decided: Decided) -> Answer:
        """Return a row's answer."""
        lane, call = self.lane, row.call
        # Written out, as this runs for every row: see `_status` and `reasons`.
        status = ALL_FRESH if index in self.ages else self.batch.stored.odd.get(index, ALL_FRESH)
        plain = lane.arm != FALLBACK and not self.unkept
        stands_in = lane.arm != self.assigned
        return Answer(
            outputs=decided.outputs,
            decision=decided.decision,
            arm=lane.arm,
            bundle_version=lane.version,
            policy_version=lane.policy.version,
            degraded_reasons=status.reasons if plain else self.reasons(index),
            statuses=status.statuses,
            queue_time=self.batch.started - call.received,
            features_time=self.batch.stored.seconds,
            infer_time=self.ended - self.began - self.keeping,
            total_time=self.ended - call.received,
            assigned=self.assigned if stands_in else "",
            precomputed_age_s=self.ages.get(index),
            tensors=decided.answer,
        )

    def _status(self, index: int) -> RowStatus:
        """How a row's features ended; a score that was computed ahead had good ones, whatever has become of them."""
        return ALL_FRESH if index in self.ages else self.batch.stored.odd.get(index, ALL_FRESH)

    @property
    def faulty(self) -> list[int]:
        """The rows that got an error because of what the model made of them."""
        return [
            index
            for index, error in self.failed.items()
            if isinstance(error, PredictionFailed) or isinstance(error.__cause__, Unfit)
        ]

    def sample(self, index: int) -> Sample:
        """Return a row as those want it who only watch."""
        outcome = self.outcomes[index]
        return Sample(self.batch.rows[index], self.batch.stored.plan, self.batch.matrix[index], outcome)
