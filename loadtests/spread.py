"""The middle of a few rounds, and how far it may be believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median

_COVERAGE = 0.95


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and the interval that holds the true one with probability `coverage`, whatever the distribution."""

    median: float
    low: float
    high: float
    coverage: float

    def text(self, digits: int = 2) -> str:
        """Return the interval in words."""
        return f"{self.low:,.{digits}f} to {self.high:,.{digits}f} ({self.coverage:.0%} interval of the median)"


def spread(values: Sequence[float]) -> Spread:
    """Return the narrowest interval between equally ranked values that covers 95 %; with few values, all there is."""
    if not values:
        raise ValueError("no rounds, no median")
    ranked = sorted(values)
    cut = max((cut for cut in range((len(ranked) + 1) // 2) if _coverage(len(ranked), cut) >= _COVERAGE), default=0)
    return Spread(median(ranked), ranked[cut], ranked[-1 - cut], _coverage(len(ranked), cut))


def _coverage(rounds: int, cut: int) -> float:
    """Return the probability that the median lies within, when `cut` values are left out at either end."""
    return 1.0 - 2.0 * sum(comb(rounds, outside) for outside in range(cut + 1)) / 2.0**rounds
