"""Waits for an answer of the control Redis, and says in our own words when there is none."""

from collections.abc import Awaitable
from typing import Any, cast

from redis.exceptions import RedisError

from routing.control.errors import ControlError

PREFIX = "{sluice}:control:"
"""Of every key: the tag in braces keeps them on one node, where scripts can use them together."""


async def answer_of(asked: object) -> Any:
    """Return what comes. Raises `ControlError`.

    redis-py declares its answers as being there, or to be awaited, by one type for both of its clients.
    """
    try:
        return await cast("Awaitable[Any]", asked)
    except (RedisError, OSError) as exc:
        raise ControlError(f"the control Redis does not answer: {exc}") from exc
