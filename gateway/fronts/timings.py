"""Stage times as the wire carries them: whole microseconds that fit 32 bits."""

from collections.abc import Sequence
from dataclasses import replace

from gateway.call import Answer
from gateway.fronts.exchange import Outcome

_MOST = 2**32 - 1


def microseconds(seconds: float) -> int:
    count = int(seconds * 1e6 + 0.5)
    return count if 0 <= count <= _MOST else max(0, min(_MOST, count))


def slowest(outcomes: Sequence[Outcome]) -> Answer | None:
    """An answer whose times are the longest of each stage; None where no row was answered."""
    answers = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    if not answers:
        return None
    return replace(
        answers[0],
        queue_time=max(answer.queue_time for answer in answers),
        features_time=max(answer.features_time for answer in answers),
        infer_time=max(answer.infer_time for answer in answers),
        total_time=max(answer.total_time for answer in answers),
    )
