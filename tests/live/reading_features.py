"""A Redis filled with a few cards, and a reader on it: what the tests of its faults begin with."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import redis

from gateway.call import FeatureStatus
from gateway.features.address import parse_address
from gateway.features.block import FeatureBlock
from gateway.features.connection import ConnectionLimits
from gateway.features.keeper import KeeperLimits
from gateway.features.plan import Plan
from gateway.features.redis_reader import RedisFeatureReader, RedisLimits
from gateway.features.tolerance import Tolerance
from gateway.testing.feast_hash import FeastHash
from gateway.testing.redis_server import RedisServer

NOW = 1_554_076_800.0
FRESH, LATE, LAST_KNOWN = FeatureStatus.FRESH, FeatureStatus.LATE, FeatureStatus.LAST_KNOWN
CARDS = range(40)


@contextlib.asynccontextmanager
async def reading(url: str, **limits: Any) -> AsyncIterator[RedisFeatureReader]:
    """Yield a reader that is quick to connect anew."""
    keeper = KeeperLimits(connect=0.5, first_pause=0.001, longest_pause=0.01)
    async with reading_as_usual(url, RedisLimits(connection=ConnectionLimits(**limits), keeper=keeper)) as reader:
        yield reader


@contextlib.asynccontextmanager
async def reading_as_usual(url: str, limits: RedisLimits | None = None) -> AsyncIterator[RedisFeatureReader]:
    """Yield a reader as the gateway has it."""
    reader = RedisFeatureReader(parse_address(url), limits)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.close()


@dataclass(frozen=True)
class Seen:
    """What one read came to: when it ended, how long it took, and the statuses of its row."""

    ended: float
    seconds: float
    statuses: set[int]

    @property
    def fresh(self) -> bool:
        return self.statuses == {FRESH}


@dataclass
class Traffic:
    """One card is read again and again: one list after the other, at some thousand a second."""

    reader: RedisFeatureReader
    plan: Plan
    timeout: float = 0.05
    tolerance: Tolerance | None = None
    card: int = 1

    async def flow(self, until: Callable[[list[Seen]], bool], limit: float = 30.0) -> list[Seen]:
        """Read until what was seen will do, or fail after `limit` seconds."""
        seen: list[Seen] = []
        keys = [self.plan.row_keys({"card_id": self.card, "store_id": self.card})]
        async with asyncio.timeout(limit):
            while not until(seen):
                began = time.monotonic()
                block = await self.reader.read(self.plan, keys, NOW, self.timeout, self.tolerance)
                ended = time.monotonic()
                seen.append(Seen(ended, ended - began, set(block.statuses[0].tolist())))
                await asyncio.sleep(0.0005)  # the pace of the traffic; nothing is waited for
        return seen

    async def flow_for(self, seconds: float) -> list[Seen]:
        """Read for so long."""
        until = time.monotonic() + seconds
        return await self.flow(lambda _: time.monotonic() >= until, limit=seconds + 30.0)

    async def flow_until_fresh(self) -> list[Seen]:
        """Read until a row is fresh."""
        return await self.flow(lambda seen: bool(seen) and seen[-1].fresh)


def fill(server: RedisServer, plan: Plan) -> None:
    with redis.Redis(port=server.port) as client:
        for card in CARDS:
            values = {"card_count": float(card), "card_limit": 1.0, "store_count": float(card)}
            FeastHash(client).put(plan, {"card_id": card, "store_id": card}, values, NOW)


def read(reader: RedisFeatureReader, plan: Plan, *cards: int, patience: float = 10.0) -> Awaitable[FeatureBlock]:
    keys = [plan.row_keys({"card_id": card, "store_id": card}) for card in cards]
    return reader.read(plan, keys, NOW, patience)


def is_late(block: FeatureBlock) -> bool:
    return bool((block.statuses == LATE).all())


async def read_until_fresh(reader: RedisFeatureReader, plan: Plan, card: int) -> FeatureBlock:
    """Ask again and again: the scenario's own limit of time ends it."""
    while is_late(block := await read(reader, plan, card)):  # noqa: ASYNC110  # a reader tells nobody that it is back
        await asyncio.sleep(0)
    return block
