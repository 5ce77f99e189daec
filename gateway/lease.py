"""A canary's weight as a lease: whoever steers the rollout renews it, and what is not renewed lapses.

A worker that hears nothing any more, whichever part is gone, gives every row to the champion. So does one that has
just started, until it is told that the rollout still stands.
"""

TERM = 5.0
"""Seconds for which a canary keeps its weight when nobody is heard any more.

A leader that is gone still seems to lead until its own lease ends, 5 s after its last word: 10 s in all.
"""


class Lease:
    """One deployment's. Times are the worker's monotonic clock's."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = float("-inf")

    def renew(self, seconds: float, now: float) -> None:
        """Let it hold for so many seconds from now on; 0 ends it at once."""
        self._until = now + seconds

    def holds(self, now: float) -> bool:
        """Whether the canary may be given rows."""
        return now < self._until
