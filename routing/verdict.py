"""What the judge says of a canary: `pass`, `fail` or `cannot tell`, always with its reason and its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """Three words, for "no alarm" is not safety and "no traffic" is neither."""

    PASS = "pass"  # noqa: S105  # no password
    FAIL = "fail"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is one line that a person can act on; `guard` is who found it, empty where that is no guard."""

    outcome: Outcome
    reason: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    guard: str = ""


def fail(guard: str, reason: str, **numbers: float) -> Verdict:
    """The canary is worse: it is to be taken out."""
    return Verdict(Outcome.FAIL, reason, numbers, guard)


def cannot_tell(reason: str, **numbers: float) -> Verdict:
    """Neither harm nor harmlessness is shown."""
    return Verdict(Outcome.CANNOT_TELL, reason, numbers)


def passes(reason: str, **numbers: float) -> Verdict:
    """What was asked for has been shown."""
    return Verdict(Outcome.PASS, reason, numbers)
