"""The feature reader that reads Feast's Redis: a list goes out in one write, on the least busy of a few connections."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from gateway.features.address import RedisAddress, SentinelAddress
from gateway.features.beside import (
    NO_VALUES,
    REPLIES_TO_KEEP,
    Values,
    keep_commands,
    kept_values,
    read_command,
    read_values,
)
from gateway.features.block import FeatureBlock
from gateway.features.connection import Connection, ConnectionLimits
from gateway.features.decode import Reply
from gateway.features.keeper import Keeper, KeeperLimits
from gateway.features.list_read import ListRead
from gateway.features.memory import MemoryLimits
from gateway.features.plan import Plan
from gateway.features.recollection import Recollection
from gateway.features.sentinels import Sentinels
from gateway.features.tolerance import Tolerance
from gateway.features.whereabouts import OnePlace

log = logging.getLogger(__name__)


# A look at what is stored: how many scans at most, of how many keys, and the seconds that one may take.
SCANS, SCAN_KEYS, SCAN_PATIENCE = 50, 1_000, 0.5


@dataclass(frozen=True, slots=True)
class RedisLimits:
    """How many connections, when to give one up, and how much to remember."""

    connections: int = 2
    connection: ConnectionLimits = field(default_factory=ConnectionLimits)
    keeper: KeeperLimits = field(default_factory=KeeperLimits)
    memory: MemoryLimits = field(default_factory=MemoryLimits)


class RedisFeatureReader:
    """A FeatureReader on one Redis server, or on the master that sentinels name.

    It reads between `start` and `close`, on one event loop. `clock` is the worker's monotonic one.
    """

    def __init__(
        self,
        address: RedisAddress | SentinelAddress,
        limits: RedisLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits or RedisLimits()
        self._clock = clock
        self._whereabouts = Sentinels(address, clock) if isinstance(address, SentinelAddress) else OnePlace(address)
        self._recollection = Recollection(self._limits.memory, clock)
        self.read_time = self._recollection.read_time
        self._silent = False
        self._keepers: list[Keeper] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the connections; return when each was tried once. A Redis that is away is no error: reads are late."""
        for number in range(self._limits.connections):
            name = f"features-redis-{number}"
            keeper = Keeper(self._whereabouts, self._limits.connection, self._limits.keeper, name, self._clock)
            self._begin(keeper.run(), name)
            self._keepers.append(keeper)
        self._begin(self._whereabouts.watch(self._move), "features-redis-whereabouts")
        await asyncio.gather(*[keeper.tried.wait() for keeper in self._keepers])

    async def close(self) -> None:
        """Close the connections; whoever still waits is late."""
        tasks, self._tasks, self._keepers = self._tasks, [], []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def connected(self) -> int:
        """How many connections are open."""
        return sum(keeper.current is not None and keeper.current.alive for keeper in self._keepers)

    async def read(
        self,
        plan: Plan,
        keys: Sequence[tuple[bytes, ...]],
        event_now: float,
        timeout: float,  # noqa: ASYNC109  # one `call_later` a list
        tolerance: Tolerance | None = None,
        beside: Sequence[bytes] = (),
    ) -> FeatureBlock:
        """Read a list of rows; see FeatureReader."""
        if tolerance is not None:
            tolerant = self._recollection.begin(plan, keys, tolerance, timeout)
            replies, values = await self._ask_beside(tolerant.commands, tolerant.owed, beside, timeout)
            block = self._recollection.end(tolerant, replies, event_now)
        else:
            wanted = ListRead(plan, keys)
            replies, values = await self._ask_beside(wanted.commands, wanted.owed, beside, timeout)
            block = wanted.conclude(replies, event_now)
        return replace(block, beside=values) if beside else block

    async def keep(self, values: Mapping[bytes, bytes], ttl: float, timeout: float) -> Values:  # noqa: ASYNC109  # as ValueStore
        """Keep values unless there are some; see ValueStore."""
        owed = REPLIES_TO_KEEP * len(values)
        return kept_values(values, await self._ask(keep_commands(values, ttl), owed, timeout) if owed else [])

    async def stored_keys(self, plan: Plan, most: int) -> list[list[bytes]]:
        """Return some keys that are stored, a few scans deep; see FeatureReader."""
        frames = plan.key_frames()
        found: list[dict[bytes, None]] = [{} for _ in frames]
        cursor = b"0"
        for _ in range(SCANS):
            answer = await self._ask(_scan(cursor), 1, SCAN_PATIENCE)
            if not answer or not isinstance(answer[0], list):
                break
            cursor, keys = cast("tuple[bytes, list[bytes]]", answer[0])
            for (start, end), kept in zip(frames, found, strict=True):
                kept.update(dict.fromkeys(key for key in keys if key.startswith(start) and key.endswith(end)))
            if cursor == b"0" or all(len(kept) >= most for kept in found):
                break
        return [list(kept)[:most] for kept in found]

    async def _ask_beside(
        self,
        commands: bytes,
        owed: int,
        beside: Sequence[bytes],
        timeout: float,  # noqa: ASYNC109  # one `call_later` a list
    ) -> tuple[list[Reply], Values]:
        """Ask for values first: a row whose answer is among them needs no features."""
        if not beside:
            return await self._ask(commands, owed, timeout) if owed else [], NO_VALUES
        replies = await self._ask(read_command(beside) + commands, 1 + owed, timeout)
        return replies[1:], read_values(beside, replies[0]) if replies else NO_VALUES

    async def _ask(self, commands: bytes, owed: int, timeout: float) -> list[Reply]:  # noqa: ASYNC109  # one `call_later` a list
        connection = self._least_busy(timeout)
        batch = connection.ask(commands, owed) if connection is not None and timeout > 0 else None
        if batch is None:
            return []
        timer = asyncio.get_running_loop().call_later(timeout, batch.give_up)
        try:
            return await batch.arrived
        finally:
            timer.cancel()

    def _least_busy(self, wait: float) -> Connection | None:
        best, now, alive = None, self._clock(), False
        for keeper in self._keepers:
            current = keeper.current
            if current is not None and current.alive:
                alive = True
                if current.listens(now, wait) and (best is None or current.owed < best.owed):
                    best = current
        if self._silent if best is not None else alive and not self._silent:
            self._silent = best is None
            log.warning(
                "the feature store %s", "answers again" if best else "says nothing: until it does, it is not asked"
            )
        return best

    def _move(self, address: RedisAddress) -> None:
        for keeper in self._keepers:
            keeper.move(address)

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(_log_death)
        self._tasks.append(task)


def _scan(cursor: bytes) -> bytes:
    count = b"%d" % SCAN_KEYS
    words = (b"SCAN", cursor, b"COUNT", count, b"TYPE", b"hash")
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def _log_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("%s died: features are late from now on", task.get_name(), exc_info=error)
