"""Puts workers' windows on the clock that all gateways share, where a worker's own is seconds off.

A worker keeps the clock with which it began, so that no step of it disorders its calls: it is the supervisor, which
hears when a window was made, that sees how far off that is.
"""

from collections.abc import Callable
from dataclasses import replace

from routing.window import Window

TOLERATED = 2.0
"""Seconds by which a window may seem to be off: so long may it have been on its way."""


class Alignment:
    """`clock` reads unix seconds on the shared clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._shifts: dict[str, float] = {}
        self._odd: dict[str, float] = {}

    def aligned(self, window: Window) -> Window:
        """Return a window that was made just now as it is on the shared clock."""
        worker, off = window.worker, self._clock() - window.at
        shift = self._shifts.get(worker, 0.0)
        odd = abs(off - shift) > TOLERATED
        # One that is odd was perhaps only long on its way; a second one that is just as odd was not.
        if odd and (worker not in self._shifts or abs(off - self._odd.get(worker, shift)) <= TOLERATED):
            shift, odd = off, False
        self._shifts[worker] = shift
        if odd:
            self._odd[worker] = off
        else:
            self._odd.pop(worker, None)
        return shifted(window, shift) if shift else window

    def forget(self, worker: str) -> None:
        """A worker has ended."""
        self._shifts.pop(worker, None)
        self._odd.pop(worker, None)


def shifted(window: Window, seconds: float) -> Window:
    """Return a window whose times are so much later."""
    return replace(
        window,
        at=window.at + seconds,
        settled_until=window.settled_until + seconds,
        calls=tuple(call._replace(admitted=call.admitted + seconds) for call in window.calls),
    )
