"""Every call of a run, when it was due and how it ended, in arrays: 25 bytes a call, so that a minute of overload fits.

What was sent is written down when it is sent and what ended when it ends: that the two agree is a finding, not a sum.
"""

from array import array
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loadtests.faults.ending import Ending


@dataclass(slots=True)
class Journal:
    """Times are in seconds since the run began; a group is a number that the run gave to one kind of caller."""

    sent_due: "array[float]" = field(default_factory=lambda: array("d"))
    sent_group: "array[int]" = field(default_factory=lambda: array("B"))
    due: "array[float]" = field(default_factory=lambda: array("d"))
    took: "array[float]" = field(default_factory=lambda: array("f"))
    kind: "array[int]" = field(default_factory=lambda: array("B"))
    group: "array[int]" = field(default_factory=lambda: array("B"))
    reasons: dict[str, int] = field(default_factory=dict)
    """A number for every reason, in the order in which they were met."""
    reason: "array[int]" = field(default_factory=lambda: array("B"))
    details: dict[str, str] = field(default_factory=dict)

    def send(self, group: int, due: float) -> None:
        """Note that a call was due: from here on it must end."""
        self.sent_due.append(due)
        self.sent_group.append(group)

    def end(self, group: int, due: float, took: float, ending: Ending) -> None:
        """Note how a call ended."""
        kind, reason, detail = ending
        number = self.reasons.get(reason)
        if number is None:
            number = self._number(reason, detail)
        self.due.append(due)
        self.took.append(took)
        self.kind.append(kind)
        self.group.append(group)
        self.reason.append(number)

    def _number(self, reason: str, detail: str) -> int:
        """Give a reason its number; beyond what a byte counts, all that is new is `other`."""
        if len(self.reasons) >= 255:
            reason = "other"
        self.details.setdefault(reason, detail)
        return self.reasons.setdefault(reason, len(self.reasons))

    def calls(self) -> "Calls":
        """Return what has been noted as columns."""
        return Calls(
            sent=np.array(self.sent_due, dtype=np.float64),
            sent_group=np.array(self.sent_group, dtype=np.uint8),
            due=np.array(self.due, dtype=np.float64),
            took=np.array(self.took, dtype=np.float64),
            kind=np.array(self.kind, dtype=np.uint8),
            group=np.array(self.group, dtype=np.uint8),
            reason=np.array(self.reason, dtype=np.uint8),
            reasons=tuple(self.reasons),
            details=dict(self.details),
        )


@dataclass(frozen=True, slots=True)
class Calls:
    """The columns of a journal, or of a part of it. `sent` is apart from the rest: a call may be sent and never end."""

    sent: NDArray[np.float64]
    sent_group: NDArray[np.uint8]
    due: NDArray[np.float64]
    took: NDArray[np.float64]
    kind: NDArray[np.uint8]
    group: NDArray[np.uint8]
    reason: NDArray[np.uint8]
    reasons: tuple[str, ...]
    details: dict[str, str]

    @property
    def heard(self) -> NDArray[np.float64]:
        """When each call ended."""
        return self.due + self.took

    def between(self, begin: float, end: float) -> "Calls":
        """Return the calls that were due in a span."""
        return self._where((self.sent >= begin) & (self.sent < end), (self.due >= begin) & (self.due < end))

    def of_groups(self, *groups: int) -> "Calls":
        """Return the calls of some callers."""
        return self._where(np.isin(self.sent_group, groups), np.isin(self.group, groups))

    def by_reason(self, kind: int) -> Counter[str]:
        """Count the reasons of one kind of ending."""
        numbers, counts = np.unique(self.reason[self.kind == kind], return_counts=True)
        return Counter({self.reasons[number]: int(count) for number, count in zip(numbers, counts, strict=True)})

    def _where(self, sent: NDArray[np.bool_], ended: NDArray[np.bool_]) -> "Calls":
        return Calls(
            self.sent[sent],
            self.sent_group[sent],
            self.due[ended],
            self.took[ended],
            self.kind[ended],
            self.group[ended],
            self.reason[ended],
            self.reasons,
            self.details,
        )
