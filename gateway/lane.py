"""A lane: one arm made ready to run, from rows and their stored features to decided outcomes."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Backend
from gateway.breaker import Breaker
from gateway.errors import GatewayError, InvalidRequest, PredictionFailed
from gateway.features.plan import Plan
from gateway.intake import Row
from gateway.matrix import MatrixBuilder
from gateway.pace import Pace
from gateway.policy import Policy
from gateway.tensor_request import TensorAnswer
from routing.table import CHAMPION, FALLBACK


class Decided(NamedTuple):
    """What a lane says about one row."""

    decision: str
    outputs: dict[str, float]
    answer: TensorAnswer | None = None
    """Of a lane that passes tensors on: what the caller gets."""


Outcome = Decided | GatewayError
NOT_FINITE = "the values of this call make a derived feature infinite"


@dataclass(frozen=True, slots=True)
class Lane:
    """One arm with its bundle, plan and backend. `digest` is the bundle's.

    `blocking` says that a run holds up the event loop, and ends there. `turn` is held through a run where there
    can be only one at a time. `remote` says that it runs on a server, which may be gone without a word. `pace` and
    `breaker` learn from its attempts.
    """

    arm: str
    version: str
    digest: str
    plan: Plan
    builder: MatrixBuilder
    backend: Backend
    policy: Policy
    blocking: bool = True
    turn: AbstractAsyncContextManager[object] = field(default_factory=nullcontext, compare=False)
    remote: bool = False
    pace: Pace = field(default_factory=Pace, compare=False)
    breaker: Breaker = field(default_factory=Breaker, compare=False)
    input_name: str = ""
    """What the bundle calls the model's one input."""
    joins: Callable[[], bool] = field(default=lambda: True, compare=False)
    """Whether rows share a run: then it pays to let them gather."""

    def build(self, rows: Sequence[Row], stored: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the model's matrix, shape (rows, features); `stored` has shape (rows, stored features)."""
        return self.builder.build(stored, [row.request for row in rows])

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.arm} {self.version}"

    @property
    def salvages(self) -> bool:
        """Whether a run that raised is looked at again, half by half: not for an arm that others answer for anyway."""
        return self.arm in (CHAMPION, FALLBACK)

    @property
    def apart(self) -> bool:
        """Whether rows have runs of their own, so that what one fails at gives the others no pause."""
        return False

    @property
    def scored(self) -> bool:
        """Whether its scores mean something, so that two lanes' can be compared."""
        return True

    def decide(self, matrix: NDArray[np.float32], scores: Sequence[Any]) -> list[Outcome]:
        """Return one outcome per row of the matrix, from its score."""
        outcomes = self.decide_scores(scores)
        finite = np.isfinite(matrix)
        if np.count_nonzero(finite) == finite.size:
            return outcomes
        whole = [bool(row.all()) for row in finite]
        return [outcome if good else InvalidRequest(NOT_FINITE) for outcome, good in zip(outcomes, whole, strict=True)]

    def decide_scores(self, scores: Sequence[float]) -> list[Outcome]:
        """The same for scores whose rows have been looked at before."""
        keeps, apply = self.policy.keeps_contract, self.policy.rule.apply
        return [Decided(*apply(score)) if keeps(score) else self.breach(score) for score in scores]

    def breach(self, score: float) -> PredictionFailed:
        """Return what becomes of a score that breaks the output contract."""
        policy = self.policy
        said = f"{self.name} scored {score!r}, outside [{policy.minimum:g}, {policy.maximum:g}]"
        return PredictionFailed(said, contract=True)
