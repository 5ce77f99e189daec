"""From the outcomes of rows to an answer: named tensors with an element for each row, and what all rows share."""

from collections.abc import Callable, Sequence
from copy import copy
from functools import lru_cache
from math import nan
from struct import pack

from gateway.call import Answer
from gateway.errors import GatewayError
from gateway.fronts.exchange import Outcome, answered
from gateway.fronts.open_inference.signature import ARM, DECISION, STATUS
from gateway.tensor import BYTES, Tensor, joined
from gateway.tensor_request import Parameter

OK = "OK"

_TEXTS: dict[str, Callable[[Outcome], str]] = {
    DECISION: lambda outcome: outcome.decision if isinstance(outcome, Answer) else "",
    ARM: lambda outcome: outcome.arm if isinstance(outcome, Answer) else "",
    STATUS: lambda outcome: OK if isinstance(outcome, Answer) else outcome.code,
}


def raise_first(outcomes: Sequence[Outcome]) -> None:
    """Raise the error of the first row that has one, naming the row where there are several."""
    for at, outcome in enumerate(outcomes):
        if isinstance(outcome, GatewayError):
            if len(outcomes) == 1:
                answered(outcome)
            named = copy(outcome)
            named.args = (f"row {at}: {outcome}",)
            raise named


def outputs_of(outcomes: Sequence[Outcome], names: Sequence[str]) -> list[Tensor]:
    """Return the outputs of these names. A row without an answer has NaN, empty texts, and its error as status."""
    return [_texts(outcomes, name) if name in _TEXTS else _numbers(outcomes, name) for name in names]


def parameters_of(outcomes: Sequence[Outcome]) -> dict[str, Parameter]:
    """Return what can be said of the answer as a whole; an arm or version that rows differ in is left out."""
    answers = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    if len(answers) == 1:
        (one,) = answers
        return dict(_said(one.arm, one.bundle_version, one.policy_version, one.degraded_reasons, bool(one.assigned)))
    reasons = sorted({reason for answer in answers for reason in answer.degraded_reasons})
    arm = common([answer.arm for answer in answers])
    bundle_version = common([answer.bundle_version for answer in answers])
    policy_version = common([answer.policy_version for answer in answers])
    rescued = any(answer.assigned for answer in answers)
    return dict(_said(arm, bundle_version, policy_version, tuple(reasons), rescued))


def common(values: Sequence[str]) -> str:
    """Return what all of them are, "" where they differ."""
    return values[0] if values and values.count(values[0]) == len(values) else ""


@lru_cache(maxsize=1024)
def _said(
    arm: str, bundle_version: str, policy_version: str, reasons: tuple[str, ...], rescued: bool
) -> Sequence[tuple[str, Parameter]]:
    """The parameters; empty ones are left out. There are few different ones."""
    texts = (
        ("arm", arm),
        ("bundle_version", bundle_version),
        ("policy_version", policy_version),
        ("degraded_reasons", ",".join(sorted(reasons))),
    )
    said: list[tuple[str, Parameter]] = [(name, text) for name, text in texts if text]
    return (*said, ("degraded", bool(reasons)), ("rescued", rescued))


def _numbers(outcomes: Sequence[Outcome], name: str) -> Tensor:
    values = [outcome.outputs.get(name, nan) if isinstance(outcome, Answer) else nan for outcome in outcomes]
    return Tensor(name, "FP64", (len(values),), pack(f"<{len(values)}d", *values))


def _texts(outcomes: Sequence[Outcome], name: str) -> Tensor:
    text = _TEXTS[name]
    return Tensor(name, BYTES, (len(outcomes),), b"".join([_element(text(outcome)) for outcome in outcomes]))


@lru_cache(maxsize=1024)
def _element(text: str) -> bytes:
    """One element of BYTES; there are few different ones."""
    return joined([text.encode()])
