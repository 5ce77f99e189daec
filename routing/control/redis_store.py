"""The store in the control Redis. Whatever must hold together is one script, which Redis runs as one.

Keys share the hash tag {sluice}. A Redis that may lose what it acknowledged (no append-only file) or evict it is
refused: a rollback that is forgotten would send callers to a bundle that was taken out.
"""

from collections.abc import Collection

import msgspec
from redis.asyncio import Redis

from routing.control.errors import ControlError, Fenced, Stale
from routing.control.event import Event, decode, encode
from routing.control.redis_answer import PREFIX, answer_of
from routing.control.store import Kept
from routing.rollout import Rollout

_FENCE, _LEADER, _UNJUDGED = PREFIX + "fence", PREFIX + "leader", PREFIX + "unjudged"

_WRITE = """
local fence = tonumber(redis.call('GET', KEYS[2]) or '0')
if tonumber(ARGV[2]) ~= 0 and tonumber(ARGV[2]) < fence then return -2 end
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version ~= tonumber(ARGV[1]) then return -1 end
redis.call('HSET', KEYS[1], 'version', version + 1, 'rollout', ARGV[3])
redis.call('XADD', KEYS[3], '*', 'event', ARGV[4])
return version + 1
"""
_LEAD = """
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[2])
if leader then return tonumber(redis.call('GET', KEYS[2]) or '0') end
return redis.call('INCR', KEYS[2])
"""
_RESIGN = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisStore:
    """Speaks through a client that somebody else opens and closes."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def check(self) -> None:
        """Raise `ControlError` unless this Redis keeps what it acknowledges."""
        settings: dict[str, str] = {}
        for name in ("appendonly", "maxmemory-policy"):  # one by one: Redis 6 takes no more at a time
            settings |= await answer_of(self._client.config_get(name))
        if settings.get("appendonly") != "yes":
            raise ControlError("the control Redis has no append-only file: start it with --appendonly yes")
        if settings.get("maxmemory-policy") != "noeviction":
            raise ControlError("the control Redis may evict keys: start it with --maxmemory-policy noeviction")

    async def read(self, deployment: str) -> Kept:
        """As `Store.read`."""
        version, data = await answer_of(self._client.hmget(_rollout(deployment), ["version", "rollout"]))
        if version is None or data is None:
            return Kept(None, 0)
        return Kept(msgspec.json.decode(data, type=Rollout), int(version))

    async def write(self, kept: Kept, event: Event, fence: int) -> Kept:
        """As `Store.write`."""
        deployment = event.rollout.deployment
        keys = (_rollout(deployment), _FENCE, _events(deployment))
        data = msgspec.json.encode(event.rollout)
        version = await answer_of(self._client.eval(_WRITE, len(keys), *keys, kept.version, fence, data, encode(event)))
        if version == -2:
            raise Fenced("another leader has come")
        if version == -1:
            raise Stale(f"{deployment}: it was changed since version {kept.version} was read")
        return Kept(event.rollout, int(version))

    async def history(self, deployment: str, count: int) -> list[Event]:
        """As `Store.history`."""
        entries = await answer_of(self._client.xrevrange(_events(deployment), count=count))
        return [decode(fields[b"event"]) for _, fields in reversed(entries)]

    async def lead(self, name: str, seconds: float, unjudged: Collection[str] = ()) -> int:
        """As `Lease.lead`."""
        milliseconds, names = max(1, round(seconds * 1000)), msgspec.json.encode(sorted(unjudged))
        keys = (_LEADER, _FENCE, _UNJUDGED)
        return int(await answer_of(self._client.eval(_LEAD, len(keys), *keys, name, milliseconds, names)))

    async def leader(self) -> str:
        """As `Lease.leader`."""
        name: bytes | None = await answer_of(self._client.get(_LEADER))
        return "" if name is None else name.decode()

    async def unjudged(self) -> frozenset[str]:
        """As `Lease.unjudged`."""
        names: bytes | None = await answer_of(self._client.get(_UNJUDGED))
        return frozenset() if names is None else msgspec.json.decode(names, type=frozenset[str])

    async def resign(self, name: str) -> None:
        """As `Lease.resign`."""
        await answer_of(self._client.eval(_RESIGN, 1, _LEADER, name))


def _rollout(deployment: str) -> str:
    return f"{PREFIX}rollout:{deployment}"


def _events(deployment: str) -> str:
    return f"{PREFIX}events:{deployment}"
