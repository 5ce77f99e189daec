"""What a rollout watches: guards, each with its share of the one α that a false rollback may cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

ALPHA = 0.01
"""The probability, at most, with which an innocent canary is rolled back by any guard, however long the rollout.

Floors carry none of it, nor do queries and webhooks (`routing.sources`): what they take back comes on top.
"""
LEAST_ALPHA = 1e-9
"""With less no guard would ever find anything."""


class Source(StrEnum):
    """Where a guard's events come from."""

    UNITS = "units"
    """Rows in production, by their units' first calls: what was wrong with a row, whoever answered."""
    DECISIONS = "decisions"
    """The decision of a unit's first call: to both sides, for a model that approves everything raises no error."""
    PAIRS = "pairs"
    """Both bundles on the same row, in the same process, in random order: which of the two was worse. A row breaks a
    bundle again and again, so each unit is asked once in an epoch."""
    TIMES = "times"
    """The same pairs: which of the two took longer. That is a call's, so whoever calls often counts often."""
    SHARES = "shares"
    """The same pairs: at which share of the units the two differ more than is declared to be tolerated."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One question to the canary: does it do this more than `tolerated` times as often as the champion?"""

    name: str
    source: Source
    tolerated: float = 1.25
    at_most: float = 0.0
    """Of `SHARES` alone: the share of pairs that may differ, in place of `tolerated`."""
    alpha: float = 0.0
    """Its share of the rollout's α, fixed before the start; 0 until it is shared out."""
    dry_run: bool = False
    """Whether it only reports. It has no share, and what it finds is no reason for anything."""

    def __post_init__(self) -> None:
        if not 1 <= self.tolerated < inf:
            raise ValueError(
                f"guard {self.name}: tolerated is {self.tolerated:g}; it is at least 1, which is being alike"
            )
        if (self.source is Source.SHARES) != (0 < self.at_most < 1):
            raise ValueError(f"guard {self.name}: at_most is {self.at_most:g}; shares need one between 0 and 1, alone")
        if not 0 <= self.alpha < 1:
            raise ValueError(f"guard {self.name}: alpha is {self.alpha:g}; it lies between 0 and 1")

    @property
    def enough(self) -> float:
        """The evidence at which the guard has found what it looks for: 1/α."""
        return 1.0 / self.alpha if self.alpha else float("inf")


def shared_out(guards: Sequence[Guard], alpha: float = ALPHA, others: int = 0) -> tuple[Guard, ...]:
    """Give each guard that acts the same share of α, `others` being as many more tests that need one.

    E-values of different guards must not be averaged, for each is fair only in its own history: so each has its α.
    """
    names = [guard.name for guard in guards]
    if len(set(names)) != len(names):
        raise ValueError(f"guards: a name stands twice: {', '.join(names)}")
    share = one_share(guards, alpha, others)
    return tuple(replace(guard, alpha=0.0 if guard.dry_run else share) for guard in guards)


def one_share(guards: Sequence[Guard], alpha: float, others: int) -> float:
    """Return what each guard that acts has of α, and each of the `others`."""
    return alpha / (sum(not guard.dry_run for guard in guards) + others)
