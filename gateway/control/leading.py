"""The loop in which this process leads, or stands by to: it goes on whatever happens, and says what did, once."""

import asyncio
import logging
from typing import Protocol

from routing.control.errors import ControlError

log = logging.getLogger("sluice.control")

EVERY = 0.25
"""Seconds from one look at every rollout to the next."""


class Looks(Protocol):
    """As `routing.control.shared_clock.SharedClock` does. Raises `ControlError` when Redis cannot be reached."""

    async def look(self) -> None:
        """Compare this machine's clock with the one that is shared."""


class Leads(Protocol):
    """As `routing.control.leader.Leader` does. Both raise `ControlError` when Redis cannot be reached."""

    async def tick(self) -> bool:
        """Look at every rollout once; return whether it led."""

    async def resign(self) -> None:
        """Make room for another leader."""


async def lead(leader: Leads, clock: Looks, stop: asyncio.Event, every: float = EVERY) -> None:
    """Tick until `stop`, by a clock that is looked at each time, then make room for another leader."""
    trouble = ""
    while not stop.is_set():
        trouble = await _tick(leader, clock, trouble)
        await _pause(stop, every)
    try:
        await leader.resign()
    except ControlError as exc:
        log.warning("the lease could not be given up, and lapses by itself", extra={"reason": str(exc)})


async def _tick(leader: Leads, clock: Looks, trouble: str) -> str:
    """Look once; return what was wrong, which is not said again while it stays so."""
    try:
        await clock.look()
        await leader.tick()
    except ControlError as exc:
        if str(exc) != trouble:
            log.warning("nothing is judged for the time being", extra={"reason": str(exc)})
        return str(exc)
    except Exception as exc:  # supervised: a defect must not end the leading, and is logged
        if repr(exc) != trouble:
            log.exception("a defect of the leader: it goes on")
        return repr(exc)
    if trouble:
        log.warning("the control Redis answers again")
    return ""


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
