"""A lane: one arm made ready to run, from rows and their stored features to decided outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Backend, BackendError
from gateway.errors import GatewayError, InvalidRequest, PredictionFailed
from gateway.features.plan import Plan
from gateway.intake import Row
from gateway.matrix import MatrixBuilder
from gateway.policy import Policy


@dataclass(frozen=True, slots=True)
class Decided:
    """What a lane says about one row."""

    outputs: dict[str, float]
    decision: str


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
        if np.isfinite(matrix).all():
            return [self._decide(score) for score in scores.tolist()]
        finite = [bool(np.isfinite(row).all()) for row in matrix]
        return [
            self._decide(score) if good else InvalidRequest(NOT_FINITE)
            for score, good in zip(scores.tolist(), finite, strict=True)
        ]

    def _decide(self, score: float) -> Outcome:
        policy = self.policy
        if not policy.keeps_contract(score):
            return PredictionFailed(
                f"{self.arm} {self.version} scored {score!r}, outside [{policy.minimum:g}, {policy.maximum:g}]"
            )
        decision, outputs = policy.rule.apply(score)
        return Decided(outputs, decision)
