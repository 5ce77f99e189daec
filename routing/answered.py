"""Whether the canary is heard of at all: of how many calls of either arm nobody knows what they would have shown."""

from collections import deque

from routing.order import UNKNOWN, Settled
from routing.verdict import Verdict, cannot_tell

SPAN = 30.0
"""Seconds of calls that are looked at, by when they were admitted."""
LEAST = 20
"""Calls of the canary in them without which nothing is said."""
_SILENT, _HEARD = 0.5, 0.9


class Answered:
    """Counts calls as they are judged. A canary that is away shows nothing, and so no harm: that lets it through."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, bool, bool]] = deque()
        self._calls, self._unknown = [0, 0], [0, 0]

    def call(self, call: Settled) -> None:
        """Count a call."""
        unknown = bool(call.signs & UNKNOWN)
        self._recent.append((call.admitted, call.canary, unknown))
        self._calls[call.canary] += 1
        self._unknown[call.canary] += unknown
        self._forget(call.admitted - SPAN)

    def look(self) -> Verdict | None:
        """Say that the canary does not answer while the champion does; None: it does, or nobody knows."""
        calls = self._calls
        known = [count - unknown for count, unknown in zip(calls, self._unknown, strict=True)]
        silent = calls[True] >= LEAST and known[True] < _SILENT * calls[True]
        if not (silent and calls[False] >= LEAST and known[False] >= _HEARD * calls[False]):
            return None
        reason = f"of the canary's last {calls[True]} calls it answered {known[True]}: it is away, or late"
        return cannot_tell(reason, calls=calls[True], answered=known[True])

    def _forget(self, before: float) -> None:
        while self._recent[0][0] < before:
            _, canary, unknown = self._recent.popleft()
            self._calls[canary] -= 1
            self._unknown[canary] -= unknown
