"""How late the event loop is: what waits for its turn there stands in a queue that no part of ours can see.

What counts is the least lateness of the last few looks, not the greatest: a pause (of the collector, of the machine)
ends by itself and leaves calls most of their time, a loop that is late at every look has more to do than it can. That
is CoDel's idea (Nichols & Jacobson, ACM Queue 2012).
"""

import asyncio
from collections import deque
from collections.abc import Callable

PERIOD = 0.005
LOOKS = 4


class LoopLag:
    """`seconds` is how late every one of the last looks came, at least: from `start` to `stop`, and each is told."""

    __slots__ = ("_due", "_late", "_loop", "_tell", "_timer", "seconds")

    def __init__(self, tell: Callable[[float], None] | None = None) -> None:
        self.seconds = 0.0
        self._tell = tell
        self._late: deque[float] = deque([0.0] * LOOKS, LOOKS)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Begin to look."""
        self._due = self._loop.time() + PERIOD
        self._timer = self._loop.call_at(self._due, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._late.append(self._loop.time() - self._due)
        self.seconds = min(self._late)
        if self._tell is not None:
            self._tell(self.seconds)
        self.start()
