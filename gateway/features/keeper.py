"""Keeps one connection to Redis open: finds it, opens, greets, waits until it is lost, and opens another.

While there is none, readers are told so at once. A server of Redis Cluster, a sentinel, and behind sentinels one that
is no master, are refused when they introduce themselves.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from gateway.features.address import RedisAddress
from gateway.features.connection import Connection, ConnectionLimits
from gateway.features.greeting import GreetingError, open_greeted
from gateway.features.whereabouts import NowhereError, Whereabouts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeeperLimits:
    """How long opening may take, and how long to pause between attempts (seconds)."""

    connect: float = 1.0
    first_pause: float = 0.05
    longest_pause: float = 0.5
    """Short, because a server that thawed or came back is to be found within a second."""


class Keeper:
    """One connection's keeper. `current` is the open one; `tried` is set after the first attempt, good or bad."""

    def __init__(
        self,
        whereabouts: Whereabouts,
        connection: ConnectionLimits,
        limits: KeeperLimits,
        name: str,
        clock: Callable[[], float],
    ) -> None:
        self._whereabouts = whereabouts
        self._connection_limits = connection
        self._limits = limits
        self._name = name
        self._clock = clock
        self._address: RedisAddress | None = None
        self.current: Connection | None = None
        self.tried = asyncio.Event()

    async def run(self) -> None:
        """Never ends but by cancellation, which closes the connection."""
        try:
            while True:
                connection = await self._open_patiently()
                self.current = connection
                self.tried.set()
                log.info("%s: connected to %s", self._name, self._address)
                reason = await connection.lost  # one that was lost meanwhile has its reason at once
                self.current = None
                log.warning("%s: lost %s: %s", self._name, self._address, reason)
                await asyncio.sleep(self._limits.first_pause)
        finally:
            if self.current is not None:
                self.current.drop("closed by us")
                self.current = None

    def move(self, address: RedisAddress) -> None:
        """Leave a server that is not this one, even if it still answers."""
        if self.current is not None and self._address != address:
            self.current.drop(f"the server is now {address}")

    async def _open_patiently(self) -> Connection:
        """Try until it works; only the first failure in a row is logged."""
        pause, known = self._limits.first_pause, ""
        while True:
            try:
                return await self._open()
            except (OSError, GreetingError, NowhereError) as exc:
                reason = str(exc) or f"no answer within {self._limits.connect:g} s"
            if reason != known:
                log.warning("%s: cannot use %s: %s", self._name, self._address or "Redis", reason)
            known = reason
            self.tried.set()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, self._limits.longest_pause)

    async def _open(self) -> Connection:
        self._address = address = await self._whereabouts.find()
        async with asyncio.timeout(self._limits.connect):
            return await open_greeted(address, self._connection_limits, self._clock)
