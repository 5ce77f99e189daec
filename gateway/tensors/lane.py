"""A lane of a pass-through deployment: its rows are requests, and its scores are answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.intake import Row
from gateway.lane import Decided, Lane, Outcome
from gateway.tensor import BYTES, Tensor, TensorError, to_array
from gateway.tensor_request import TensorAnswer, in_array
from gateway.tensors.contract import Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorLane(Lane):
    """`judged_by` names the output whose mean is what the judge knows as the score; "": it knows none."""

    contract: Contract
    judged_by: str = ""

    @property
    def apart(self) -> bool:
        """Callers send what they like: only they know whether it was the model's fault, and the judge in the end."""
        return True

    @property
    def scored(self) -> bool:
        """Where nothing is judged every score is 0."""
        return bool(self.judged_by)

    def build(self, rows: Sequence[Row], stored: NDArray[np.float64]) -> NDArray[Any]:
        """Return the rows' requests, shape (rows,)."""
        return in_array([row.call.tensors for row in rows if row.call.tensors is not None])

    def decide(self, matrix: NDArray[Any], scores: Sequence[Any]) -> list[Outcome]:
        """Return one outcome per answer: what breaks the contract is the arm's failure, all else is passed on."""
        return [self._decide_one(one) for one in scores]

    def _decide_one(self, answer: TensorAnswer) -> Outcome:
        score = self._score(answer)
        if not self.policy.keeps_contract(score):
            return self.breach(score)
        decision, outputs = self.policy.rule.apply(score)
        return Decided(decision, outputs, answer)

    def _score(self, answer: TensorAnswer) -> float:
        if not self.judged_by:
            return 0.0
        found = [one for one in answer.outputs if one.name == self.judged_by]
        return _mean(found[0]) if found else 0.0


def _mean(tensor: Tensor) -> float:
    """Return the mean, NaN where there is none: an answer that is empty, or holds texts, shows nothing."""
    try:
        values = to_array(tensor)
    except TensorError:
        return float("nan")
    if tensor.datatype == BYTES or not values.size:
        return float("nan")
    return float(np.mean(values.astype(np.float64)))
