"""The caller's ledger: sent = answered + degraded + rescued + refused + failed, and how long each took."""

import math
from dataclasses import dataclass

import numpy as np

from loadtests.faults.ending import FAILED, KINDS, REFUSED
from loadtests.faults.journal import Calls

QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}
GOOD = (0, 1, 2)
"""Answered, degraded, rescued: a prediction inside the budget."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One run's, or a part's. Latencies are milliseconds since the call was due, by kind and quantile."""

    sent: int
    counts: dict[str, int]
    milliseconds: dict[str, dict[str, float]]
    reasons: dict[str, dict[str, int]]
    details: dict[str, str]

    @property
    def adds_up(self) -> bool:
        """Whether every call that was sent ended exactly once."""
        return self.sent == sum(self.counts.values())

    @property
    def good(self) -> int:
        """Predictions that came inside the budget."""
        return sum(self.counts[KINDS[kind]] for kind in GOOD)

    def share(self, *kinds: str) -> float:
        """Return the share of all calls sent that ended so; nothing sent is no share."""
        return sum(self.counts[kind] for kind in kinds) / self.sent if self.sent else math.nan

    def text(self) -> str:
        """Return the ledger in words, with the reasons of what was not answered."""
        sum_of = " + ".join(f"{kind} {count:,}" for kind, count in self.counts.items())
        sign = "=" if self.adds_up else "≠ (THE LEDGER DOES NOT ADD UP)"
        lines = [f"sent {self.sent:,} {sign} {sum_of}"]
        for kind, quantiles in self.milliseconds.items():
            reasons = ", ".join(f"{count:,} × {reason}" for reason, count in self.reasons[kind].items() if reason)
            times = ", ".join(f"{name} {value:.2f}" for name, value in quantiles.items())
            lines.append(f"  {kind}: ms {times}" + (f"; {reasons}" if reasons else ""))
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """Return the ledger as plain values."""
        return {
            "sent": self.sent,
            **self.counts,
            "adds_up": self.adds_up,
            "milliseconds": self.milliseconds,
            "reasons": self.reasons,
            "examples": self.details,
        }


def ledger(calls: Calls) -> Ledger:
    """Draw up the ledger of some calls."""
    counts = {kind: int(np.count_nonzero(calls.kind == number)) for number, kind in enumerate(KINDS)}
    met = [number for number, kind in enumerate(KINDS) if counts[kind]]
    reasons = {KINDS[number]: dict(calls.by_reason(number).most_common()) for number in met}
    told = [reason for number in (REFUSED, FAILED) for reason in reasons.get(KINDS[number], {})]
    details = {reason: calls.details[reason] for reason in told if calls.details.get(reason)}
    return Ledger(len(calls.sent), counts, {KINDS[number]: _times(calls, number) for number in met}, reasons, details)


def _times(calls: Calls, kind: int) -> dict[str, float]:
    took = calls.took[calls.kind == kind] * 1e3
    return {name: float(np.quantile(took, share, method="higher")) for name, share in QUANTILES.items()}
