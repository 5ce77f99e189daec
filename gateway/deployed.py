"""One deployment as a worker serves it: the line of its table, the one that may come, and those that leave."""

import asyncio
import logging
from collections.abc import Callable

from gateway.entrance import Entrance
from gateway.line_builder import Built, LineBuilder
from gateway.line_description import describe
from gateway.messages import Arm, Standing
from gateway.served import Served
from gateway.shelf import Loaded, Shelf
from models.manifest import BundleError
from monitoring import metrics
from monitoring.series import SeriesFile
from routing.table import CANARY

log = logging.getLogger("sluice.deployed")

Open = Callable[[Built], Entrance]


class Deployed:
    """Loads in the background, turns at once, and lets go of what nothing uses any more.

    The champion before the present one stays loaded, so that the way back is short. `open_entrance` makes the entrance
    in front of the first line.
    """

    def __init__(self, name: str, shelf: Shelf, builder: LineBuilder, series: SeriesFile, open_entrance: Open) -> None:
        self.name = name
        self.entrance: Entrance | None = None
        self._shelf = shelf
        self._builder = builder
        self._series = series
        self._open_entrance = open_entrance
        self._present: Built | None = None
        self._next: Built | None = None
        self._loading = False
        self._leaving: list[Built] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._champion_before: Loaded | None = None

    @property
    def present(self) -> Built:
        """The line that lists go on now."""
        if self._present is None:
            raise LookupError(f"deployment {self.name} has no line yet")
        return self._present

    async def load(self, served: Served, starting: bool = False) -> None:
        """Make the next line ready, with its lane hosts unless the worker is `starting`.

        Raises what loading raises; then nothing has changed.
        """
        self._next, self._loading = None, True
        self._shelf.begin(starting)
        try:
            coming = await self._builder.build(served, self._present)
            if not starting and (complaint := await self.settle(None)):
                raise BundleError(complaint)
            self._next = coming
        finally:
            self._loading = False
            await self._tidy()

    async def settle(self, patience: float | None) -> str:
        """Wait for lane hosts that were started; return what is wrong with them, or ""."""
        return await self._shelf.settle(patience)

    async def drop(self) -> None:
        """Forget the next line."""
        self._next = None
        await self._tidy()

    def turn(self) -> Entrance:
        """Carry the lists to come on the next line. Raises `LookupError` when none was loaded."""
        coming, former = self._next, self._present
        if coming is None:
            raise LookupError(f"deployment {self.name} has no line to turn to")
        self._present, self._next = coming, None
        if coming.witness is not None and coming.served.part is not None:
            coming.witness.part = coming.served.part
        self._publish(former, coming)
        if self.entrance is None or former is None:
            self.entrance = self._open_entrance(coming)
            return self.entrance
        if former.champion is not coming.champion:
            self._champion_before = former.champion
        lists = self.entrance.turn_to(coming.line, coming.intake)
        self._leaving.append(former)
        task = asyncio.get_running_loop().create_task(self._leave(former, lists), name=f"former line of {self.name}")
        self._tasks.add(task)
        task.add_done_callback(self._left)
        return self.entrance

    def renew(self, seconds: float, now: float) -> None:
        """Let a rollout's canary keep its weight for so many seconds."""
        self._builder.lease.renew(seconds, now)

    def standing(self, now: float) -> Standing:
        """Say what is served at `now`, on the clock that leases are renewed by."""
        loaded, told = self.present.loaded, []
        unsteered = self.present.served.part is not None and not self._builder.lease.holds(now)
        for one in describe(self.present.line).arms:
            trouble = loaded[one.arm, one.bundle_version].seat.trouble()
            lapsed = unsteered and one.arm == CANARY and one.share > 0
            told.append(Arm(one.arm, one.bundle_version, one.bundle_digest, one.share, trouble, lapsed))
        return Standing(self.name, self.present.served.table.number, told)

    async def drain(self) -> None:
        """Answer every call that was taken."""
        if self.entrance is not None:
            await self.entrance.drain()

    async def close(self) -> None:
        """Let everything go, when every call has been answered."""
        self._publish(self._present, None)
        if self._present is not None:
            await self._present.line.close()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._shelf.keep(())

    async def _leave(self, former: Built, lists: frozenset[asyncio.Task[None]]) -> None:
        if lists:
            await asyncio.wait(lists)
        await former.line.close()
        self._leaving.remove(former)
        await self._tidy()

    def _left(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("a former line could not be closed", extra={"deployment": self.name}, exc_info=failure)

    async def _tidy(self) -> None:
        """Close the bundles that neither a line nor the way back needs; one that is being loaded only looks it."""
        if self._loading:
            return
        lines = [one for one in (self._present, self._next, *self._leaving) if one is not None]
        wanted = {loaded for line in lines for loaded in line.loaded.values()}
        if self._champion_before is not None:
            wanted.add(self._champion_before)
        await self._shelf.keep(wanted)

    def _publish(self, former: Built | None, coming: Built | None) -> None:
        for built, value in ((former, 0.0), (coming, 1.0)):
            for lane in built.lanes() if built else ():
                self._series.gauge(metrics.BUNDLE, self.name, lane.arm, lane.version, lane.digest).set(value)
