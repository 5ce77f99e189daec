"""The queue on a Redis stream with a consumer group. Whatever must hold together is one script, run as one.

Entries leave the stream when they are settled, so that its length is what waits and what is in hand. A Redis that
evicts any key it likes is refused: it would lose the queue, and say nothing.
"""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from gateway.later.settings import QueueSettings
from gateway.later.store import Delivery, Entry, QueueAway

PREFIX = "{sluice}:queue"
"""Of every key: the tag in braces keeps them on one node, where scripts can use them together."""
STREAM, DEAD = PREFIX, f"{PREFIX}:dead"
GROUP = "sluice"

_ADD = """
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[2], '', 'PX', ARGV[2])
redis.call('XADD', KEYS[1], '*', 'id', ARGV[3], 'request', ARGV[4], 'until', ARGV[5], 'trace', ARGV[6])
return 1
"""
_SETTLE = """
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if redis.call('XDEL', KEYS[1], ARGV[2]) == 0 then return 0 end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
if ARGV[5] ~= '' then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*', 'reason', ARGV[5], 'id', ARGV[7], 'request', ARGV[8])
end
return 1
"""


async def answer_of(asked: object) -> Any:
    """Return what comes; redis-py declares answers by one type for both of its clients. Raises `QueueAway`."""
    try:
        return await cast("Awaitable[Any]", asked)
    except (RedisError, OSError) as exc:
        raise QueueAway(f"the queue's Redis does not answer: {exc}") from exc


class RedisResults:
    """Implements `Results`. Speaks through a client that somebody else opens and closes."""

    def __init__(self, client: Redis, settings: QueueSettings) -> None:
        self._client = client
        self._settings = settings

    async def check(self) -> str:
        """Return why this Redis cannot be used, or ""."""
        about = await answer_of(self._client.info("memory"))
        policy = str(about.get("maxmemory_policy", ""))
        if policy.startswith("allkeys"):
            return (
                f"the queue's Redis may evict any key when it is full ({policy}), and so lose calls that were "
                "accepted: start it with --maxmemory-policy noeviction, or name another one with --queue-url"
            )
        return ""

    async def length(self) -> int:
        """Return how many calls wait or are in hand."""
        return int(await answer_of(self._client.xlen(STREAM)))

    async def add(self, entry: Entry) -> bool:
        """As `Results.add`."""
        keys = (STREAM, result_key(entry.result_id))
        # It may wait until nobody wants it, and what is said of it then is kept as long as any result.
        lasting = self._settings.result_ttl * 2
        fields = (entry.result_id, entry.request, repr(entry.until), entry.traceparent)
        words = (self._settings.length, round(lasting * 1000), *fields)
        return bool(await answer_of(self._client.eval(_ADD, len(keys), *keys, *words)))

    async def look(self, result_ids: Sequence[str]) -> list[bytes | None]:
        """As `Results.look`."""
        found: list[bytes | None] = await answer_of(self._client.mget([result_key(one) for one in result_ids]))
        return found


class RedisDeliveries:
    """Implements `Deliveries` for the consumer of that name, which is nobody else's and the same after a restart."""

    def __init__(self, client: Redis, settings: QueueSettings, name: str) -> None:
        self._client = client
        self._settings = settings
        self._name = name

    async def take(self, most: int, wait: float) -> list[Delivery]:
        """As `Deliveries.take`."""
        block = max(1, round(wait * 1000))
        streams: dict[bytes | str | memoryview, int | bytes | str | memoryview] = {STREAM: ">"}
        try:
            found = await answer_of(self._client.xreadgroup(GROUP, self._name, streams, count=most, block=block))
        except QueueAway as exc:
            if not str(exc.__cause__).startswith("NOGROUP"):
                raise
            await self._make_group()
            return []
        entries = found[0][1] if found else []
        return [_delivery(name, fields, 1) for name, fields in entries]

    async def claim(self, most: int) -> list[Delivery]:
        """As `Deliveries.claim`."""
        idle = round(self._settings.claim_after * 1000)
        try:
            found = await answer_of(
                self._client.xautoclaim(STREAM, GROUP, self._name, idle, start_id="0-0", count=most)
            )
        except QueueAway as exc:
            if str(exc.__cause__).startswith("NOGROUP"):
                return []
            raise
        # Redis 6 names entries that are gone, too; nobody can answer them any more.
        entries = [(name, fields) for name, fields in found[1] if name is not None and fields is not None]
        times = await self._times([name for name, _ in entries])
        return [_delivery(name, fields, times.get(name, 1)) for name, fields in entries]

    async def hold(self, names: Collection[str]) -> None:
        """As `Deliveries.hold`."""
        if names:
            claim = self._client.xclaim(STREAM, GROUP, self._name, 0, list(names), justid=True)
            await answer_of(claim)

    async def settle(self, delivery: Delivery, result: bytes, dead: str = "") -> bool:
        """As `Deliveries.settle`."""
        entry, settings = delivery.entry, self._settings
        keys = (STREAM, result_key(entry.result_id), DEAD)
        kept = (result, round(settings.result_ttl * 1000), dead, settings.dead, entry.result_id, entry.request)
        words = (GROUP, delivery.name, *kept)
        return bool(await answer_of(self._client.eval(_SETTLE, len(keys), *keys, *words)))

    async def _times(self, names: Sequence[bytes]) -> dict[bytes, int]:
        """Return how often each has been in somebody's hand."""
        if not names:
            return {}
        async with self._client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.xpending_range(STREAM, GROUP, min=name, max=name, count=1)
            found = await answer_of(pipeline.execute())
        return {one["message_id"]: int(one["times_delivered"]) for pending in found for one in pending}

    async def _make_group(self) -> None:
        try:
            await answer_of(self._client.xgroup_create(STREAM, GROUP, id="0", mkstream=True))
        except QueueAway as exc:
            if not (isinstance(exc.__cause__, ResponseError) and str(exc.__cause__).startswith("BUSYGROUP")):
                raise  # else another worker was first


def result_key(result_id: str) -> str:
    """Return the key of a result: empty while its call waits."""
    return f"{PREFIX}:result:{result_id}"


def _delivery(name: bytes, fields: Mapping[bytes, bytes], times: int) -> Delivery:
    entry = Entry(
        fields[b"id"].decode(), fields[b"request"], float(fields[b"until"]), fields[b"trace"].decode(errors="replace")
    )
    return Delivery(name.decode(), entry, times)
