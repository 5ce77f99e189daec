"""An event loop in which time passes only when it is told to: work takes what it says, waiting takes nothing.

`spend` stands for work that holds the loop, as Python's does; while nothing is ready, time jumps to the next timer.
What the loop should have begun meanwhile begins late, and in its turn: the queue that a busy worker has before its own.
"""

import asyncio
import selectors


class _NoWaiting(selectors.SelectSelector):
    """Looks and never waits; what it should have waited is taken from the loop's own time instead."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is ready and no timer is set: the simulation stands still")
        self.loop.spend(max(0.0, timeout))
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 0 s."""

    def __init__(self) -> None:
        self._now = 0.0
        selector = _NoWaiting()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._now

    def spend(self, seconds: float) -> None:
        """Let the loop's own thread be busy for so long."""
        self._now += seconds
