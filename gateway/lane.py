"""A lane: one arm made ready to run, from rows and their stored features to decided outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Backend, BackendError
from gateway.errors import GatewayError, InvalidRequest, PredictionFailed
from gateway.features.plan import Plan
from gateway.intake import Row
from gateway.matrix import MatrixBuilder
from gateway.policy import Policy


class Decided(NamedTuple):
    """What a lane says about one row."""

    decision: str
    outputs: dict[str, float]


Outcome = Decided | GatewayError
NOT_FINITE = "the values of this call make a derived feature infinite"


@dataclass(frozen=True, slots=True)
class Lane:
    """One arm with its bundle, plan and backend. `digest` is the bundle's."""

    arm: str
    version: str
    digest: str
    plan: Plan
    builder: MatrixBuilder
    backend: Backend
    policy: Policy

    def build(self, rows: Sequence[Row], stored: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the model's matrix, shape (rows, features); `stored` has shape (rows, stored features)."""
        return self.builder.build(stored, [row.request for row in rows])

    async def run(self, matrix: NDArray[np.float32]) -> list[Outcome]:
        """Return one outcome per row of the matrix. A failed run fails all its rows."""
        rows = len(matrix)
        try:
            scores = await self.backend.run(matrix)
        except BackendError as exc:
            failure = PredictionFailed(f"{self.arm} {self.version} could not run: {exc}")
            failure.__cause__ = exc
            return [failure] * rows
        if len(scores) != rows:
            failure = PredictionFailed(f"{self.arm} {self.version} gave {len(scores)} scores for {rows} rows")
            return [failure] * rows
        outcomes = self._decide(scores.tolist())
        finite = np.isfinite(matrix)
        if np.count_nonzero(finite) == finite.size:
            return outcomes
        whole = [bool(row.all()) for row in finite]
        return [outcome if good else InvalidRequest(NOT_FINITE) for outcome, good in zip(outcomes, whole, strict=True)]

    def _decide(self, scores: Sequence[float]) -> list[Outcome]:
        keeps, apply = self.policy.keeps_contract, self.policy.rule.apply
        return [Decided(*apply(score)) if keeps(score) else self._breach(score) for score in scores]

    def _breach(self, score: float) -> PredictionFailed:
        policy = self.policy
        return PredictionFailed(
            f"{self.arm} {self.version} scored {score!r}, outside [{policy.minimum:g}, {policy.maximum:g}]"
        )
