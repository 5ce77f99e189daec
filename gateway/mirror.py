"""The mirror: hands a sample of rows to whoever watches, after the replies have left.

It is the first thing dropped: at most `limit` rows wait, and what does not fit is counted, not kept.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.lane import Lane
from gateway.sample import Sample
from monitoring.series import Counter

log = logging.getLogger("sluice.mirror")


class Watcher(Protocol):
    """Runs a bundle on rows that nobody waits for."""

    @property
    def lane(self) -> Lane:
        """The lane of the bundle."""

    async def watch(self, samples: Sequence[Sample]) -> None:
        """Look at rows, in its own time; until it returns, the next ones gather."""


class Mirror:
    """One watcher with its rate. `draw` returns a number in [0, 1) a row; `dropped` counts what found no room.

    Rows gather for `pause` seconds: nobody waits for them, and one run of ten rows costs little more than of one. The
    watcher gets at most `at_once` of them.
    `faults` says that it wants rows that failed, too: who saw only what the champion can answer would see none of the
    champion's faults, and all of the others'.
    """

    def __init__(
        self,
        watcher: Watcher,
        rate: float,
        dropped: Counter,
        draw: Callable[[], float],
        limit: int = 1024,
        pause: float = 0.02,
        faults: bool = False,
        at_once: int = 1024,
    ) -> None:
        self.faults = faults
        self._watcher = watcher
        self._rate = rate
        self._dropped = dropped
        self._draw = draw
        self._limit = limit
        self._pause = pause
        self._at_once = at_once
        self._closing = False
        self._waiting: list[Sample] = []
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def lane(self) -> Lane:
        """The watcher's."""
        return self._watcher.lane

    def wants(self) -> bool:
        """Draw whether the next row is mirrored."""
        return self._draw() < self._rate

    def take(self, samples: Sequence[Sample]) -> None:
        """Take rows to look at later. Never waits, never raises."""
        room = self._limit - len(self._waiting)
        self._waiting.extend(samples[:room])
        if len(samples) > room:
            self.drop(len(samples) - room)
        if self._task is None and self._timer is None and self._waiting:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._start)

    def drop(self, rows: int) -> None:
        """Count rows that would have been mirrored, had there been room or time for it."""
        self._dropped.add(rows)

    async def close(self) -> None:
        """Let the watcher look at what it can take at once, and drop the rest."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
            self._start()
        if self._task is not None:
            await self._task

    def _start(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._drain(), name=f"mirror of {self.lane.name}")

    async def _drain(self) -> None:
        try:
            while self._waiting:
                samples, self._waiting = self._waiting[: self._at_once], self._waiting[self._at_once :]
                await self._watcher.watch(samples)
                if self._closing:
                    self.drop(len(self._waiting))
                    self._waiting.clear()
        except Exception:  # supervised: a watcher's defect must not reach a caller
            log.exception("a mirror failed", extra={"version": self.lane.version})
        finally:
            self._task = None
