"""What the batteries of feature readers are run on: the Redis reader on a real Redis, and the shipped fake."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import redis

from gateway.call import FeatureStatus
from gateway.features.address import parse_address
from gateway.features.block import FeatureBlock
from gateway.features.keys import KeyValue
from gateway.features.plan import Plan
from gateway.features.redis_reader import RedisFeatureReader
from gateway.features.tolerance import Tolerance
from gateway.testing.feast_hash import FeastHash
from gateway.testing.fixed_features import FixedFeatures, StoredValue
from gateway.testing.manual_clock import ManualClock
from gateway.testing.redis_server import RedisServer

NOW = 1_554_076_800.0
HOUR = 3600.0
FRESH, NULL, MISSING, STALE, LATE, BROKEN, LAST_KNOWN = list(FeatureStatus)
WHOLE: dict[str, StoredValue] = {"card_count": 1.0, "card_limit": 2.0, "store_count": 3.0}


class Store(Protocol):
    """Where a test puts what a reader shall find."""

    def put(
        self, plan: Plan, entities: Mapping[str, KeyValue], values: Mapping[str, StoredValue], event_time: float | None
    ) -> None: ...

    def remove(self, plan: Plan, entities: Mapping[str, KeyValue]) -> None: ...


@dataclass
class Subject:
    """A reader, its store, and the plan of both: two groups; card has a limit of an hour, store has none."""

    reader: RedisFeatureReader | FixedFeatures
    store: Store
    plan: Plan
    asked: Callable[[], int]
    """How many keys the store was asked for so far."""
    clock: ManualClock = field(default_factory=ManualClock)
    event_now: float = NOW

    def put(self, card: int, values: Mapping[str, StoredValue] = WHOLE, age: float | None = 60.0) -> None:
        self.store.put(self.plan, entities(card), values, None if age is None else NOW - age)

    def remove(self, card: int) -> None:
        self.store.remove(self.plan, entities(card))

    def passes(self, seconds: float) -> None:
        """Time passes, on both clocks."""
        self.clock.advance(seconds)
        self.event_now += seconds

    async def read(self, *cards: int, timeout: float = 5.0, tolerance: Tolerance | None = None) -> FeatureBlock:  # noqa: ASYNC109  # the reader's own
        keys = [self.plan.row_keys(entities(card)) for card in cards]
        return await self.reader.read(self.plan, keys, self.event_now, timeout, tolerance)


def entities(card: int) -> dict[str, KeyValue]:
    return {"card_id": card, "store_id": card + 1000}


@asynccontextmanager
async def subject_of(kind: str, plan: Plan, server: RedisServer) -> AsyncIterator[Subject]:
    """Yield the reader of that kind over an empty store."""
    clock = ManualClock(100.0)
    if kind == "fixed":
        fixed = FixedFeatures(clock)
        yield Subject(fixed, fixed, plan, lambda: len(fixed.asked), clock)
        return
    reader = RedisFeatureReader(parse_address(server.url), clock=clock)
    await reader.start()
    with redis.Redis(port=server.port) as client:

        def asked() -> int:
            return int(client.info("commandstats").get("cmdstat_hmget", {"calls": 0})["calls"])

        yield Subject(reader, FeastHash(client), plan, asked, clock)
        client.flushdb()
    await reader.close()
