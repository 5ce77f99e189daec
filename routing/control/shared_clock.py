"""The clock that gateways and leaders share: the control Redis's, as long as a machine's own is far from it.

Who is alive, what is late and which call came first is told by times that many machines wrote. One whose clock is
seconds off would be taken for dead, and what it finds out would be dropped.
"""

import logging
import time
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger("sluice.control")

TOLERATED = 0.5
"""Seconds by which a clock may be off: less matters to nobody."""


class Timed(Protocol):
    """As a `Feed` is."""

    async def now(self) -> float:
        """Return unix seconds by the shared clock."""


class SharedClock:
    """Call it for unix seconds. `own` reads this machine's."""

    def __init__(self, timed: Timed, own: Callable[[], float] = time.time) -> None:
        self._timed = timed
        self._own = own
        self.ahead = 0.0
        """Seconds that are added to this machine's clock."""
        self.looked = False
        """Whether it was ever compared."""

    def __call__(self) -> float:
        return self._own() + self.ahead

    async def look(self) -> None:
        """Compare both clocks. Raises `ControlError`."""
        asked = self._own()
        theirs = await self._timed.now()
        answered, self.looked = self._own(), True
        off = theirs - (asked + answered) / 2
        if abs(off - self.ahead) > TOLERATED + (answered - asked) / 2:
            log.warning(
                "this machine's clock is not the control Redis's, whose is used: have both set by NTP",
                extra={"seconds_behind": round(off, 3)},
            )
            self.ahead = off
