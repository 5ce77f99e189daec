"""Counts whom scores would be computed for: the entities of one group whose features lie in the feature Redis."""

import asyncio

from redis.exceptions import RedisError

from gateway.config import without_password
from gateway.features.plan import Plan
from gateway.score_all.entities import START, StoredEntities
from routing.control.client import open_control
from routing.control.errors import ControlError

PATIENCE = 30.0
"""Seconds for looking at every key of the store."""
_PAGE = 1_000


class Uncounted(Exception):
    """Nobody knows how many there are; the message says why, and what can be done."""


async def count_entities(redis_url: str, plan: Plan, group: int) -> int:
    """Return how many there are; one that the store moves meanwhile may count twice. Raises `Uncounted`."""
    where = f"the feature Redis at {without_password(redis_url)}"
    try:
        async with asyncio.timeout(PATIENCE):
            return await _count(redis_url, plan, group)
    except TimeoutError as exc:
        raise Uncounted(f"{where} has more than could be counted in {PATIENCE:g} s: say --entities N") from exc
    except (ControlError, OSError, RedisError) as exc:
        raise Uncounted(f"{where}, asked for the number of entities, failed ({exc}): say --entities N") from exc


async def _count(redis_url: str, plan: Plan, group: int) -> int:
    client = open_control(redis_url)
    try:
        stored, found, cursor = StoredEntities(client, plan, group), 0, START
        while True:
            page = await stored.page(cursor, _PAGE)
            found, cursor = found + len(page.entities), page.cursor
            if cursor == START:
                return found
    finally:
        await client.aclose()
