"""The feed in the control Redis: a stream of windows for each rollout, a hash of standings for each deployment."""

import logging

import msgspec
from redis.asyncio import Redis

from routing.control.feed import Standing, decode_window, encode_window
from routing.control.redis_answer import PREFIX, answer_of
from routing.window import Window

log = logging.getLogger("sluice.control")

MOST_WINDOWS = 2_000_000
"""Windows of one rollout that are kept: a day of ten workers. Beyond that the first ones go."""
KEPT_FOR = 90 * 86_400
"""Seconds for which a rollout's windows are kept after the last of them, for whoever wants to judge it again."""


class RedisFeed:
    """Speaks through a client that somebody else opens and closes."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def send(self, rollout: str, window: Window) -> None:
        """As `Feed.send`."""
        key = _windows(rollout)
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.xadd(key, {"window": encode_window(window)}, maxlen=MOST_WINDOWS, approximate=True)
            pipeline.expire(key, KEPT_FOR)
            await answer_of(pipeline.execute())

    async def after(self, rollout: str, place: str, most: int) -> list[tuple[str, Window]]:
        """As `Feed.after`."""
        found: list[tuple[str, Window]] = []
        while not found:
            first = f"({place}" if place else "-"
            entries = await answer_of(self._client.xrange(_windows(rollout), min=first, count=most))
            if not entries:
                break
            place = entries[-1][0].decode()
            found = [(entry.decode(), window) for entry, fields in entries if (window := _read(rollout, fields))]
        return found

    async def report(self, deployment: str, gateway: str, standing: Standing) -> None:
        """As `Feed.report`."""
        await answer_of(self._client.hset(_standings(deployment), mapping={gateway: msgspec.msgpack.encode(standing)}))

    async def standings(self, deployment: str) -> dict[str, Standing]:
        """As `Feed.standings`."""
        found = await answer_of(self._client.hgetall(_standings(deployment)))
        return {name.decode(): msgspec.msgpack.decode(data, type=Standing) for name, data in found.items()}


def _read(rollout: str, fields: dict[bytes, bytes]) -> Window | None:
    """A gateway of another release may say what we do not understand: that must not keep everybody from being heard."""
    try:
        return decode_window(fields[b"window"])
    except (KeyError, ValueError) as exc:
        log.error("a window cannot be read and is left out", extra={"rollout": rollout, "reason": str(exc)})
        return None


def _windows(rollout: str) -> str:
    return f"{PREFIX}windows:{rollout}"


def _standings(deployment: str) -> str:
    return f"{PREFIX}standings:{deployment}"
