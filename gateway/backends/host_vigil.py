"""When a lane host is stuck, and how long to wait before the next one. Pure: time is an argument."""

from gateway.backends.settings import HostSettings


class Vigil:
    """Watches for signs of life while runs are in flight: a host that works through a queue slowly is not stuck."""

    __slots__ = ("_patience", "_since")

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since = 0.0

    def woke(self, now: float) -> None:
        """It answered, or got something to do after it had nothing."""
        self._since = now

    def left(self, now: float) -> float:
        """Return how long it may still be silent; nothing or less means that it is stuck."""
        return self._since + self._patience - now


def next_pause(settings: HostSettings, last: float, ready_for: float) -> float:
    """Return the pause after a host's death. `last` is the one before it, 0 at first; it was ready for so long."""
    if not last or ready_for >= settings.settled:
        return settings.first_pause
    return min(2 * last, settings.longest_pause)
