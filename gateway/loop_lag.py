"""How late the event loop is: what waits for its turn there stands in a queue that no part of ours can see."""

import asyncio

PERIOD = 0.005
# A single late turn is forgotten within some tens of milliseconds, and a busy loop is known within one.
FADING = 0.7


class LoopLag:
    """`seconds` is how late a timer came of late, the worst counting most. Between `start` and `stop`."""

    __slots__ = ("_due", "_loop", "_timer", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Begin to measure."""
        self._arm()

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._due = self._loop.time() + PERIOD
        self._timer = self._loop.call_at(self._due, self._fire)

    def _fire(self) -> None:
        late = self._loop.time() - self._due
        self.seconds = max(late, FADING * self.seconds)
        self._arm()
