"""Whether an answer is the right one: the very score that ONNX Runtime gives for the row that was asked."""

from collections.abc import Sequence

from loadtests.answer import FRESH, Verdict

TOLERANCE = 1e-5


class Proof:
    """Holds the expected score of every row; a request's id is its row's number."""

    def __init__(self, scores: Sequence[float]) -> None:
        self._scores = scores

    def judge(self, request_id: str, score: float) -> Verdict:
        """Judge the score that came back for a request."""
        if not 0.0 <= score <= 1.0:
            return Verdict("score outside its contract", f"row {request_id}: {score}")
        expected = self._scores[int(request_id)]
        if abs(score - expected) > TOLERANCE:
            return Verdict("not the model's score", f"row {request_id}: {score}, the model says {expected}")
        return FRESH
