"""Rescue: the budget out of which one lane answers for another, so that a dead canary cannot double the load. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RescueLimits:
    """What rows earn for each other, and how much of it is kept."""

    earned: float = 0.5
    """Rescues that each row carried pays for: an arm with up to half of the traffic may fail, and all is answered."""
    most: float = 256.0
    """Rescues that may be saved up."""

    def __post_init__(self) -> None:
        if not 0 <= self.earned <= 1 or self.most < 1:
            raise ValueError("rescue limits: earned lies between 0 and 1, most is at least 1")


class RescueBudget:
    """Tokens, one a rescued row."""

    def __init__(self, limits: RescueLimits | None = None) -> None:
        self._limits = limits or RescueLimits()
        self._tokens = self._limits.most

    @property
    def left(self) -> float:
        """What could be spent now."""
        return self._tokens

    def earn(self, rows: int) -> None:
        """Rows are carried."""
        self._tokens = min(self._limits.most, self._tokens + self._limits.earned * rows)

    def spend(self) -> bool:
        """Whether one more row may be rescued."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
