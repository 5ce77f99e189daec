"""What a Redis does when it is full: answers and scores that are kept there may be thrown away before their time."""

import asyncio
import time

import hiredis

from gateway.features.address import AddressError, SentinelAddress, parse_address
from gateway.features.connection import ConnectionLimits
from gateway.features.greeting import GreetingError, open_greeted, say
from gateway.features.sentinels import Sentinels
from gateway.features.whereabouts import NowhereError, OnePlace, Whereabouts

PATIENCE = 2.0
"""Seconds for finding the server and its answer."""
KEEPS_ALL = "noeviction"
_FIELD = b"maxmemory_policy:"


async def eviction_policy(url: str) -> str:
    """Return Redis's `maxmemory-policy`, "" where it is away or does not tell.

    Asked by INFO: managed services that forbid CONFIG allow that.
    """
    try:
        address = parse_address(url)
        whereabouts: Whereabouts = (
            Sentinels(address, time.monotonic) if isinstance(address, SentinelAddress) else OnePlace(address)
        )
        async with asyncio.timeout(PATIENCE):
            place = await whereabouts.find()
            connection = await open_greeted(place, ConnectionLimits(), time.monotonic)
            try:
                return _policy_in(await say(connection, place, ("INFO", "memory")))
            finally:
                connection.drop("it was asked what there was to ask")
    except (AddressError, OSError, GreetingError, NowhereError):  # those who read features from it say so
        return ""


def _policy_in(told: object) -> str:
    if isinstance(told, hiredis.ReplyError) or not isinstance(told, bytes):
        return ""
    lines = (line for line in told.splitlines() if line.startswith(_FIELD))
    return next(lines, _FIELD)[len(_FIELD) :].decode(errors="replace")
