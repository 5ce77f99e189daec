"""The feed in the control Redis: a stream of windows for each rollout, a hash of standings for each deployment."""

import logging
import time
from collections.abc import Callable

import msgspec
from redis.asyncio import Redis

from routing.control.feed import MOST_BYTES, REMEMBERED, Standing
from routing.control.redis_answer import PREFIX, answer_of
from routing.control.window_bytes import decode_window, encode_window
from routing.window import Window

log = logging.getLogger("sluice.control")

KEPT_FOR = 14 * 86_400
"""Seconds for which a rollout's windows are kept after the last of them, for whoever wants to judge it again."""
# How many bytes there are is counted beside the stream. A few of the first windows go at a time.
_SEND = """
redis.call('XADD', KEYS[1], '*', 'window', ARGV[1])
local bytes = redis.call('INCRBY', KEYS[2], #ARGV[1])
if bytes > tonumber(ARGV[2]) then
    for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 20)) do
        if bytes <= tonumber(ARGV[2]) then break end
        bytes = redis.call('DECRBY', KEYS[2], #entry[2][2])
        redis.call('XDEL', KEYS[1], entry[1])
    end
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return 0
"""
# What a gateway has said since it was read stays. Lua takes some thousands of arguments at once: the rest goes later.
_FORGET = """
for place = 1, #ARGV, 2 do
    if redis.call('HGET', KEYS[1], ARGV[place]) == ARGV[place + 1] then redis.call('HDEL', KEYS[1], ARGV[place]) end
end
return 0
"""
_MOST_PARTS = 2_000


class RedisFeed:
    """Speaks through a client that somebody else opens and closes. `clock` reads unix seconds."""

    def __init__(self, client: Redis, clock: Callable[[], float] = time.time, most_bytes: int = MOST_BYTES) -> None:
        self._client = client
        self._clock = clock
        self._most_bytes = most_bytes

    async def send(self, rollout: str, window: Window) -> None:
        """As `Feed.send`."""
        keys = (_windows(rollout), f"{PREFIX}windows-bytes:{rollout}")
        data = encode_window(window)
        await answer_of(self._client.eval(_SEND, len(keys), *keys, data, self._most_bytes, KEPT_FOR))

    async def _from_the_first(self, rollout: str, place: str, most: int) -> list[tuple[str, Window]]:
        """Begin anew if the place lies ahead of all: it is of a Redis that was there before, whose clock was ahead."""
        last = await answer_of(self._client.xrevrange(_windows(rollout), count=1)) if place else []
        if not last or _order(last[0][0].decode()) >= _order(place):
            return []
        log.warning("the control Redis was replaced: a rollout is heard anew", extra={"rollout": rollout})
        return await self.after(rollout, "", most)

    async def now(self) -> float:
        """As `Feed.now`: it is Redis's own."""
        seconds, microseconds = await answer_of(self._client.time())
        return float(seconds + microseconds * 1e-6)

    async def after(self, rollout: str, place: str, most: int) -> list[tuple[str, Window]]:
        """As `Feed.after`."""
        found: list[tuple[str, Window]] = []
        while not found:
            first = f"({place}" if place else "-"
            entries = await answer_of(self._client.xrange(_windows(rollout), min=first, count=most))
            if not entries:
                return await self._from_the_first(rollout, place, most)
            place = entries[-1][0].decode()
            found = [(entry.decode(), window) for entry, fields in entries if (window := _read(rollout, fields))]
        return found

    async def report(self, deployment: str, gateway: str, standing: Standing) -> None:
        """As `Feed.report`."""
        await answer_of(self._client.hset(_standings(deployment), mapping={gateway: msgspec.msgpack.encode(standing)}))

    async def standings(self, deployment: str) -> dict[str, Standing]:
        """As `Feed.standings`."""
        kept = await answer_of(self._client.hgetall(_standings(deployment)))
        found = {name: msgspec.msgpack.decode(data, type=Standing) for name, data in kept.items()}
        before = self._clock() - REMEMBERED
        if old := [part for name, one in found.items() if one.at < before for part in (name, kept[name])][:_MOST_PARTS]:
            await answer_of(self._client.eval(_FORGET, 1, _standings(deployment), *old))
        return {name.decode(): one for name, one in found.items() if one.at >= before}


def _read(rollout: str, fields: dict[bytes, bytes]) -> Window | None:
    """A gateway of another release may say what we do not understand: that must not keep everybody from being heard."""
    try:
        return decode_window(fields[b"window"])
    except (KeyError, ValueError) as exc:
        log.error("a window cannot be read and is left out", extra={"rollout": rollout, "reason": str(exc)})
        return None


def _order(place: str) -> tuple[int, int]:
    milliseconds, _, number = place.partition("-")
    return int(milliseconds), int(number or 0)


def _windows(rollout: str) -> str:
    return f"{PREFIX}windows:{rollout}"


def _standings(deployment: str) -> str:
    return f"{PREFIX}standings:{deployment}"
