"""The circuit breaker of one dependency: when to stop asking it, and when to try again. Pure: time is an argument.

Closed, everything is asked. After `failures` failures in a row it opens, and nothing is asked until a pause is over;
then one question goes through as a trial. If that succeeds the breaker closes, if not the next pause is twice as long.
The pattern is Nygard's ("Release It!", 2007).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When a breaker opens, and how long it then waits (seconds)."""

    failures: int = 5
    first_pause: float = 0.1
    longest_pause: float = 0.5
    trial: float = 1.0
    """A trial that has not ended by then is taken for lost, and another one may be made."""

    def __post_init__(self) -> None:
        if self.failures < 1:
            raise ValueError("a breaker needs at least one failure to open")
        if not 0 < self.first_pause <= self.longest_pause or self.trial <= 0:
            raise ValueError("a breaker needs pauses above zero, the longest not below the first")


class Breaker:
    """Every question that `allows` let through ends in `succeeded` or `failed`, or says nothing (`trial` bounds it)."""

    def __init__(self, limits: BreakerLimits | None = None) -> None:
        self._limits = limits or BreakerLimits()
        self._failures = 0
        self._pause = self._limits.first_pause
        self._next_trial = 0.0

    @property
    def open(self) -> bool:
        """Whether the dependency is taken for dead; `allows` may still let a trial through."""
        return self._failures >= self._limits.failures

    def allows(self, now: float) -> bool:
        """Whether to ask. While open, True means: you are the trial."""
        if not self.open:
            return True
        if now < self._next_trial:
            return False
        self._next_trial = now + self._limits.trial
        return True

    def succeeded(self) -> None:
        """The dependency answered: close."""
        self._failures = 0
        self._pause = self._limits.first_pause

    def failed(self, now: float) -> None:
        """The dependency failed, or did not answer in time."""
        was_open = self.open
        self._failures += 1
        if not self.open:
            return
        if was_open:
            self._pause = min(2 * self._pause, self._limits.longest_pause)
        self._next_trial = now + self._pause
