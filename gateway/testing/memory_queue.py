"""A queue in memory: keeps the promises of the Redis stream, and can be told to be away."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import count

from gateway.later.settings import QueueSettings
from gateway.later.store import Delivery, Entry, QueueAway


@dataclass(slots=True)
class _Waiting:
    entry: Entry
    consumer: str = ""
    times: int = 0
    heard: float = 0.0


class MemoryQueue:
    """Implements `Results`; `consumer` gives what implements `Deliveries`. `clock` is in seconds."""

    def __init__(self, settings: QueueSettings, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.clock = clock
        self.away = False
        self.dead: list[tuple[Entry, str]] = []
        self.waiting: dict[str, _Waiting] = {}
        self.results: dict[str, tuple[bytes, float]] = {}
        self.added = asyncio.Event()
        self._names = count(1)

    def consumer(self, name: str) -> "MemoryConsumer":
        """Return one consumer's side."""
        return MemoryConsumer(self, name)

    def check(self) -> None:
        """Raise `QueueAway` while it is away."""
        if self.away:
            raise QueueAway("the queue is away")

    async def length(self) -> int:
        """Return how many calls wait or are in hand."""
        self.check()
        return len(self.waiting)

    async def add(self, entry: Entry) -> bool:
        """As `Results.add`."""
        self.check()
        if len(self.waiting) >= self.settings.length:
            return False
        self.waiting[str(next(self._names))] = _Waiting(entry)
        self.results[entry.result_id] = b"", self.clock() + 2 * self.settings.result_ttl
        self.added.set()
        return True

    async def look(self, result_ids: Sequence[str]) -> list[bytes | None]:
        """As `Results.look`."""
        self.check()
        found = [self.results.get(one) for one in result_ids]
        return [None if one is None or one[1] <= self.clock() else one[0] for one in found]


class MemoryConsumer:
    """Implements `Deliveries` on a `MemoryQueue`."""

    def __init__(self, queue: MemoryQueue, name: str) -> None:
        self._queue = queue
        self._name = name

    async def take(self, most: int, wait: float) -> list[Delivery]:
        """As `Deliveries.take`."""
        self._queue.check()
        found = self._new()
        if not found:
            self._queue.added.clear()
            try:
                await asyncio.wait_for(self._queue.added.wait(), wait)
            except TimeoutError:
                return []
            found = self._new()
        return [self._hand_out(name) for name in found[:most]]

    async def claim(self, most: int) -> list[Delivery]:
        """As `Deliveries.claim`."""
        self._queue.check()
        silent = self._queue.clock() - self._queue.settings.claim_after
        found = [name for name, one in self._queue.waiting.items() if one.times and one.heard <= silent]
        return [self._hand_out(name) for name in found[:most]]

    async def hold(self, names: Collection[str]) -> None:
        """As `Deliveries.hold`."""
        self._queue.check()
        for name in names:
            if name in self._queue.waiting:
                self._queue.waiting[name].heard = self._queue.clock()

    async def settle(self, delivery: Delivery, result: bytes, dead: str = "") -> bool:
        """As `Deliveries.settle`."""
        self._queue.check()
        if self._queue.waiting.pop(delivery.name, None) is None:
            return False
        self._queue.results[delivery.entry.result_id] = result, self._queue.clock() + self._queue.settings.result_ttl
        if dead:
            self._queue.dead.append((delivery.entry, dead))
        return True

    def _new(self) -> list[str]:
        return [name for name, one in self._queue.waiting.items() if not one.times]

    def _hand_out(self, name: str) -> Delivery:
        one = self._queue.waiting[name]
        one.consumer, one.times, one.heard = self._name, one.times + 1, self._queue.clock()
        return Delivery(name, one.entry, one.times)
