"""One battery for every feed: windows come back to the bit, in their order and from any place; standings by gateway."""

import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from gateway.testing.redis_server import RedisServer
from routing.control.errors import ControlError
from routing.control.feed import REMEMBERED, Feed, Standing
from routing.control.memory_feed import MemoryFeed
from routing.control.redis_feed import RedisFeed
from routing.control.window_bytes import encode_window
from routing.order import UNKNOWN, Settled
from routing.window import Health, Pair, Spread, Window

NOW = 90_000.0
FULL = Window(
    worker="gw.0.4711",
    sequence=3,
    at=1_795_348_800.123456,
    settled_until=1_795_348_799.9,
    step=2,
    calls=(Settled(1.5, (1 << 50) + 1, True, 2, 500, UNKNOWN | 5, 7), Settled(1.6, 0, False, 2, 500, 0)),
    spent=12,
    pairs=(Pair(1, 0), Pair(0, 4)),
    health=Health(3, 1, 9, 0, 1, 0, True, Spread(4, 0.25, 0.75)),
    last=True,
)


@pytest.fixture(params=["memory", "redis"])
async def feed(request: pytest.FixtureRequest, redis_server: RedisServer) -> AsyncIterator[Feed]:
    if request.param == "memory":
        yield MemoryFeed(lambda: NOW)
        return
    async with Redis.from_url(redis_server.url) as client:
        for key in await client.keys("{sluice}:control:*"):
            await client.delete(key)
        yield RedisFeed(client, lambda: NOW)


async def test_a_window_comes_back_to_the_bit(feed: Feed) -> None:
    await feed.send("r1", FULL)
    await feed.send("r1", Window("gw.1", 1, 2.0, 2.0))
    (_, first), (_, second) = await feed.after("r1", "", 10)
    assert first == FULL
    assert isinstance(first.calls[0], Settled)
    assert isinstance(first.health.canary_scores, Spread)
    assert second == Window("gw.1", 1, 2.0, 2.0)


async def test_windows_come_in_order_from_any_place_and_no_more_than_asked_for(feed: Feed) -> None:
    assert await feed.after("r1", "", 10) == []
    for sequence in range(1, 8):
        await feed.send("r1", Window("gw.0", sequence, float(sequence), 0.0))
        await feed.send("r2", Window("gw.0", 100 + sequence, 0.0, 0.0))
    seen, place = [], ""
    while found := await feed.after("r1", place, 3):
        assert len(found) <= 3
        seen += [window.sequence for _, window in found]
        place = found[-1][0]
    assert seen == list(range(1, 8))
    assert await feed.after("r1", place, 3) == []
    await feed.send("r1", Window("gw.0", 8, 8.0, 0.0))
    assert [window.sequence for _, window in await feed.after("r1", place, 3)] == [8]


async def test_the_first_windows_go_when_a_rollout_has_had_too_much_to_say(redis_server: RedisServer) -> None:
    async with Redis.from_url(redis_server.url) as client:
        await client.delete("{sluice}:control:windows:long", "{sluice}:control:windows-bytes:long")
        one = len(encode_window(Window("gw.0", 100, 100.0, 0.0)))
        feed = RedisFeed(client, most_bytes=10 * one)
        for sequence in range(100, 150):
            await feed.send("long", Window("gw.0", sequence, float(sequence), 0.0))
        kept = [window.sequence for _, window in await feed.after("long", "", 100)]
        assert kept == list(range(150 - len(kept), 150))
        assert 8 <= len(kept) <= 12
        assert int(await client.get("{sluice}:control:windows-bytes:long") or 0) <= 10 * one
        assert await client.ttl("{sluice}:control:windows:long") > 0
        assert await client.ttl("{sluice}:control:windows-bytes:long") > 0


async def test_a_redis_whose_clock_is_behind_the_former_one_s_is_heard_from_the_first_window_on(
    redis_server: RedisServer,
) -> None:
    async with Redis.from_url(redis_server.url) as client:
        key = "{sluice}:control:windows:moved"
        await client.delete(key)
        feed = RedisFeed(client)
        for sequence in (1, 2, 3):
            await feed.send("moved", Window("gw.0", sequence, float(sequence), 0.0))
        (*_, (place, _)) = await feed.after("moved", "", 10)
        ahead = f"{int(place.split('-')[0]) + 30_000}-0"
        assert [window.sequence for _, window in await feed.after("moved", ahead, 10)] == [1, 2, 3]
        assert await feed.after("moved", place, 10) == []


async def test_everybody_is_told_one_time(feed: Feed) -> None:
    told = await feed.now()
    assert told == NOW if isinstance(feed, MemoryFeed) else abs(told - time.time()) < 60.0


async def test_a_gateways_last_word_counts(feed: Feed) -> None:
    assert await feed.standings("fraud") == {}
    await feed.report("fraud", "gw", Standing(1, NOW - 1))
    await feed.report("fraud", "gw", Standing(1, NOW, 2, "no such bundle"))
    await feed.report("fraud", "other", Standing(2, NOW))
    await feed.report("quotes", "gw", Standing(9, NOW))
    assert await feed.standings("fraud") == {"gw": Standing(1, NOW, 2, "no such bundle"), "other": Standing(2, NOW)}


async def test_a_gateway_that_has_said_nothing_for_a_day_is_forgotten(feed: Feed) -> None:
    day_ago = NOW - REMEMBERED
    for number in range(3_000):
        await feed.report("fraud", f"pod-{number}", Standing(1, day_ago - 1))
    await feed.report("fraud", "gw", Standing(1, day_ago))
    await feed.report("quotes", "gw", Standing(1, NOW))
    assert list(await feed.standings("fraud")) == ["gw"]
    assert list(await feed.standings("fraud")) == ["gw"]
    assert list(await feed.standings("quotes")) == ["gw"]
    if isinstance(feed, RedisFeed):
        client = feed._client
        while await client.hlen("{sluice}:control:standings:fraud") > 1:  # type: ignore[misc]
            left = await client.hlen("{sluice}:control:standings:fraud")  # type: ignore[misc]
            await feed.standings("fraud")
            assert await client.hlen("{sluice}:control:standings:fraud") < left  # type: ignore[misc]
    await feed.report("fraud", "pod-7", Standing(2, NOW))
    assert sorted(await feed.standings("fraud")) == ["gw", "pod-7"]


async def test_a_redis_that_is_gone_is_said_so() -> None:
    server = RedisServer()
    server.close()
    async with Redis.from_url(server.url) as client:
        for asked in (RedisFeed(client).after("r1", "", 1), RedisFeed(client).send("r1", FULL)):
            with pytest.raises(ControlError, match="does not answer"):
                await asked


async def test_a_window_that_cannot_be_read_keeps_nobody_from_being_heard(redis_server: RedisServer) -> None:
    async with Redis.from_url(redis_server.url) as client:
        key = "{sluice}:control:windows:odd"
        await client.delete(key)
        feed = RedisFeed(client)
        for sequence, data in enumerate((b"\x93\x01", b"nonsense", None, b"\xc1"), 1):
            await feed.send("odd", Window("gw", sequence, 1.0, 1.0))
            await client.xadd(key, {"other": b""} if data is None else {"window": data})
        await client.xadd(key, {"window": b"nonsense"})
        seen, place = [], ""
        while found := await feed.after("odd", place, 1):
            seen += [window.sequence for _, window in found]
            place = found[-1][0]
        assert seen == [1, 2, 3, 4]
