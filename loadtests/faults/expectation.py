"""What callers are promised in a fault, as a number with a bound, and whether it was kept."""

import math
from dataclasses import dataclass

KEPT, BROKEN, CANNOT_TELL = "kept", "broken", "cannot tell"


@dataclass(frozen=True, slots=True)
class Expectation:
    """`words` say what is measured; `less` is true where the bound is the most that may be."""

    words: str
    value: float
    bound: float
    unit: str = ""
    less: bool = True

    @property
    def verdict(self) -> str:
        """Say whether it was kept; no value is neither kept nor broken."""
        if math.isnan(self.value):
            return CANNOT_TELL
        kept = self.value <= self.bound if self.less else self.value >= self.bound
        return KEPT if kept else BROKEN

    def text(self) -> str:
        """Return the value beside its bound."""
        sign = "≤" if self.less else "≥"
        return f"{self.words}: {shown(self.value, self.unit)} ({sign} {shown(self.bound, self.unit)}: {self.verdict})"

    def as_json(self) -> dict[str, object]:
        """Return it as plain values; what is endless or unknown is null."""
        value = self.value if math.isfinite(self.value) else None
        return {
            "words": self.words,
            "value": value,
            "bound": self.bound,
            "unit": self.unit,
            "less": self.less,
            "verdict": self.verdict,
            "text": self.text(),
        }


def at_most(words: str, value: float, bound: float, unit: str = "") -> Expectation:
    """Demand no more than the bound."""
    return Expectation(words, value, bound, unit)


def at_least(words: str, value: float, bound: float, unit: str = "") -> Expectation:
    """Demand no less than the bound."""
    return Expectation(words, value, bound, unit, less=False)


def shown(value: float, unit: str) -> str:
    """Return a number as it is read: counts whole, shares as percentages, the rest with three digits that matter."""
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "never"
    if unit == "share":
        return f"{value:.2%}"
    if unit in ("", "calls"):
        return f"{value:,.0f} {unit}".rstrip()
    return f"{value:,.3g} {unit}"
