"""Keeps spare workers: processes that have imported everything, so that a dead worker's successor serves sooner."""

import asyncio
import logging
from collections.abc import Callable

from gateway.messages import MessageError, Waiting
from gateway.supervisor.launch import SPARE, Launched, launch
from gateway.supervisor.listeners import Listeners
from monitoring.series import Gauge

log = logging.getLogger("sluice.workers")

# Seconds from a spare's own end to its successor: nobody waits for it, and what ended it may end the next one too.
PAUSE = 5.0


class Spares:
    """Keeps `count` of them, from the first `refill` on; `waiting` shows how many could be taken now."""

    def __init__(self, listeners: Listeners, count: int, waiting: Gauge) -> None:
        self._listeners = listeners
        self._count = count
        self._gauge = waiting
        self._spares: set[Spare] = set()
        waiting.set(0.0)

    def refill(self) -> None:
        """Start as many as are missing."""
        while len(self._spares) < self._count:
            self._spares.add(Spare(self._listeners, self._show))

    def take(self) -> Launched | None:
        """Hand one over that waits, if one does. Another is started by the next `refill`."""
        for spare in self._spares:
            if (launched := spare.take()) is not None:
                self._spares.discard(spare)
                self._show()
                return launched
        return None

    async def close(self) -> None:
        """End them all."""
        spares, self._spares, self._count = self._spares, set(), 0
        for spare in spares:
            await spare.close()

    def _show(self) -> None:
        self._gauge.set(sum(spare.waiting is not None for spare in self._spares))


class Spare:
    """One place for a process that waits, filled anew whenever it has ended by itself."""

    def __init__(self, listeners: Listeners, changed: Callable[[], None]) -> None:
        self.waiting: Launched | None = None
        self._listeners = listeners
        self._changed = changed
        self._keeper = asyncio.create_task(self._keep(), name="keep a spare worker")

    def take(self) -> Launched | None:
        """Hand the process over if it waits; the place is not filled any more then."""
        if self.waiting is not None:
            self._keeper.cancel()
        return self.waiting

    async def close(self) -> None:
        """End the process."""
        self.waiting = None
        self._keeper.cancel()
        await asyncio.wait([self._keeper])

    async def _keep(self) -> None:
        while True:
            try:
                await self._hold(await launch(SPARE, self._listeners))
            except OSError as exc:
                log.warning("no spare worker can be started", extra={"reason": str(exc)})
            await asyncio.sleep(PAUSE)

    async def _hold(self, launched: Launched) -> None:
        """Offer it from when it waits until it ends or is taken; it is killed with its place."""
        extra: dict[str, object] = {"pid": launched.process.pid}
        try:
            if await launched.channel.receive() == Waiting():
                self._offer(launched)
            extra["exit_code"] = await launched.process.wait()
            log.warning("a spare worker ended", extra=extra)
            self._offer(None)
        except MessageError:
            log.exception("a spare worker talks nonsense and is killed", extra=extra)
        finally:
            if self.waiting is not launched:
                launched.kill()
                await launched.process.wait()

    def _offer(self, launched: Launched | None) -> None:
        self.waiting = launched
        self._changed()
