"""One battery for every queue of near real time: the Redis stream on a real Redis, and the shipped fake."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import pytest
import redis.asyncio

from gateway.later.near_real_time import ONCE
from gateway.later.redis_queue import DEAD, GROUP, PREFIX, STREAM, RedisDeliveries, RedisResults
from gateway.later.settings import QueueSettings
from gateway.later.store import Deliveries, Entry, QueueAway
from gateway.testing.manual_clock import ManualClock
from gateway.testing.memory_queue import MemoryQueue
from gateway.testing.redis_server import RedisServer

SETTINGS = QueueSettings(length=5, claim_after=15.0, result_ttl=100.0)
REQUEST = b"\x0a\x05fraud\x00\xff"
SOON = 0.05


@dataclass
class Subject:
    """A queue; `falls_silent` lets so much time pass since anybody has said a word of what is in hand."""

    results: RedisResults | MemoryQueue
    consumer: Callable[[str], Deliveries]
    falls_silent: Callable[[float], Awaitable[None]]
    dead: Callable[[], Awaitable[list[tuple[str, bytes, str]]]]
    lasts: Callable[[str], Awaitable[float]]

    async def add(self, *names: str) -> list[bool]:
        return [await self.results.add(entry(name)) for name in names]


def entry(name: str) -> Entry:
    return Entry(name, REQUEST, 1_766_000_000.123456, "00-trace")


@pytest.fixture(params=["redis", "memory"])
async def subject(request: pytest.FixtureRequest, redis_server: RedisServer) -> AsyncIterator[Subject]:
    if request.param == "memory":
        clock = ManualClock()
        queue = MemoryQueue(SETTINGS, clock)

        async def advance(seconds: float) -> None:
            clock.advance(seconds)

        async def dead() -> list[tuple[str, bytes, str]]:
            return [(one.result_id, one.request, reason) for one, reason in queue.dead]

        async def lasts(name: str) -> float:
            return queue.results[name][1] - clock()

        yield Subject(queue, queue.consumer, advance, dead, lasts)
        return
    client = redis.asyncio.Redis.from_url(redis_server.url)
    yield Subject(
        RedisResults(client, SETTINGS),
        lambda name: RedisDeliveries(client, SETTINGS, name),
        lambda seconds: _make_idle(client, seconds),
        lambda: _dead_of(client),
        lambda name: _lasts(client, name),
    )
    keys = [key async for key in client.scan_iter(f"{PREFIX}*")]
    await client.delete(*keys, b"none")
    await client.aclose()


async def _make_idle(client: "redis.asyncio.Redis", seconds: float) -> None:
    """Have Redis believe that nobody has said a word for so long."""
    for one in await client.xpending_range(STREAM, GROUP, "-", "+", 100):
        idle = one["time_since_delivered"] + round(seconds * 1000)
        await client.xclaim(STREAM, GROUP, one["consumer"], 0, [one["message_id"]], idle=idle, justid=True)


async def _dead_of(client: "redis.asyncio.Redis") -> list[tuple[str, bytes, str]]:
    found = await client.xrange(DEAD)
    return [(one[b"id"].decode(), one[b"request"], one[b"reason"].decode()) for _, one in found]


async def _lasts(client: "redis.asyncio.Redis", name: str) -> float:
    lasting: int = await client.pttl(f"{PREFIX}:result:{name}")
    return lasting / 1000


async def test_what_is_added_is_handed_out_once_as_it_was(subject: Subject) -> None:
    one, other = subject.consumer("one"), subject.consumer("other")
    assert await one.take(5, SOON) == []
    assert await subject.add("a", "b", "c") == [True] * 3
    first, second = await one.take(2, SOON), await other.take(2, SOON)
    assert [each.entry for each in first] == [entry("a"), entry("b")]
    assert [(each.entry, each.times) for each in second] == [(entry("c"), 1)]
    assert await one.take(2, SOON) == []
    assert await subject.results.length() == 3, "what is in hand is not gone"


async def test_who_waits_is_told_at_once(subject: Subject) -> None:
    consumer = subject.consumer("one")
    await consumer.take(1, SOON)
    waiting = asyncio.create_task(consumer.take(1, 1.0))
    await asyncio.sleep(0)
    await subject.add("a")
    assert [one.entry.result_id for one in await waiting] == ["a"]


async def test_the_queue_is_bounded_by_what_waits_and_is_in_hand(subject: Subject) -> None:
    assert await subject.add(*"abcdef") == [True] * 5 + [False]
    assert await subject.results.look(["f"]) == [None]
    consumer = subject.consumer("one")
    await consumer.take(1, SOON)
    (first, *_) = await consumer.take(5, SOON)
    assert await subject.add("g") == [False]
    assert await consumer.settle(first, b"done")
    assert await subject.add("g") == [True]


async def test_a_result_is_pending_from_the_moment_that_its_call_is_in(subject: Subject) -> None:
    assert await subject.results.look(["a"]) == [None]
    await subject.add("a")
    assert await subject.results.look(["a", "b"]) == [b"", None]
    assert 199.0 < await subject.lasts("a") <= 200.0, "a call may wait as long as a result is kept, and then be told so"


async def test_a_settled_call_leaves_nothing_but_its_result(subject: Subject) -> None:
    consumer = await _begun(subject)
    await subject.add("a")
    (one,) = await consumer.take(1, SOON)
    assert await consumer.settle(one, b"\x00done")
    assert await subject.results.look(["a"]) == [b"\x00done"]
    assert 99.0 < await subject.lasts("a") <= 100.0
    assert await subject.results.length() == 0
    await subject.falls_silent(100.0 - 1.0)
    assert await consumer.claim(5) == []
    assert await subject.dead() == []


async def test_what_nobody_says_a_word_of_is_taken_by_another(subject: Subject) -> None:
    one, other = await _begun(subject), subject.consumer("other")
    await subject.add("a", "b")
    first, second = await one.take(2, SOON)
    await subject.falls_silent(14.0)
    assert await other.claim(5) == []
    await one.hold([first.name])
    await subject.falls_silent(2.0)
    (taken,) = await other.claim(5)
    assert (taken.name, taken.entry, taken.times) == (second.name, second.entry, 2)
    await subject.falls_silent(20.0)
    assert sorted((each.name, each.times) for each in await one.claim(5)) == [(first.name, 2), (second.name, 3)]


async def test_the_first_to_settle_is_the_only_one(subject: Subject) -> None:
    """At least once means that two may answer one call: what was fetched once stays."""
    one, other = await _begun(subject), subject.consumer("other")
    await subject.add("a")
    (slow,) = await one.take(1, SOON)
    await subject.falls_silent(20.0)
    (quick,) = await other.claim(1)
    assert await other.settle(quick, b"first")
    assert not await one.settle(slow, b"second", dead="too late to die")
    assert await subject.results.look(["a"]) == [b"first"]
    assert await subject.dead() == []
    await one.hold([slow.name])
    assert await subject.results.length() == 0


async def test_dead_letters_are_kept_with_their_reason(subject: Subject) -> None:
    consumer = await _begun(subject)
    await subject.add("a")
    (one,) = await consumer.take(1, SOON)
    assert await consumer.settle(one, b"failed", dead="it kills whoever takes it")
    assert await subject.dead() == [("a", REQUEST, "it kills whoever takes it")]
    assert await subject.results.look(["a"]) == [b"failed"]


async def test_nothing_is_claimed_before_anything_was_added(subject: Subject) -> None:
    consumer = subject.consumer("one")
    assert await consumer.claim(3) == []
    await consumer.hold([])


async def test_the_traces_and_moments_of_entries_are_kept_to_the_bit(subject: Subject) -> None:
    consumer = await _begun(subject)
    odd = replace(entry("a"), request=b"", until=0.1 + 0.2, traceparent="")
    assert await subject.results.add(odd)
    (one,) = await consumer.take(1, SOON)
    assert one.entry == odd


async def _begun(subject: Subject) -> Deliveries:
    """Return a consumer that has asked before: the first question makes the group."""
    consumer = subject.consumer("one")
    await consumer.take(1, SOON)
    return consumer


async def test_a_redis_that_is_away_is_said_to_be() -> None:
    client = redis.asyncio.Redis(port=1, retry=ONCE)
    results, deliveries = RedisResults(client, SETTINGS), RedisDeliveries(client, SETTINGS, "one")
    (one,) = [entry("a")]
    for asked in (
        results.add(one),
        results.look(["a"]),
        results.check(),
        deliveries.take(1, SOON),
        deliveries.claim(1),
    ):
        with pytest.raises(QueueAway, match="does not answer"):
            await asked
    await client.aclose()


@pytest.mark.parametrize(
    ("policy", "usable"), [("noeviction", True), ("volatile-lru", True), ("allkeys-lru", False), ("allkeys-lfu", False)]
)
async def test_a_redis_that_evicts_whatever_it_likes_is_refused(policy: str, usable: bool) -> None:
    server = RedisServer("--maxmemory-policy", policy)
    client = redis.asyncio.Redis.from_url(server.url)
    try:
        complaint = await RedisResults(client, SETTINGS).check()
    finally:
        await client.aclose()
        server.close()
    assert (complaint == "") is usable
    assert usable or f"({policy})" in complaint
