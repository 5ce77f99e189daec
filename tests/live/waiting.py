"""Waiting for what other processes do: look again and again, and fail with what was seen last."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 60.0
"""Seconds. The machine may have much else to do: nothing has failed before this."""
PAUSE = 0.05
"""Seconds between two looks."""

Found = TypeVar("Found")
Look = Callable[[], Found]
Holds = Callable[[Found], object]


def until(look: Look[Found], holds: Holds[Found] = bool, complaint: str = "it did not come to that") -> Found:
    """Return the first found for which it holds, by default the first that is true. Blocks: for plain tests."""
    end = time.monotonic() + PATIENCE
    while not holds(found := look()):
        assert time.monotonic() < end, f"{complaint}: {found!r} was seen last"
        time.sleep(PAUSE)
    return found


async def comes(look: Look[Found], holds: Holds[Found] = bool, complaint: str = "it did not come to that") -> Found:
    """Return what `until` does, on an event loop that goes on meanwhile."""
    end = time.monotonic() + PATIENCE
    while not holds(found := look()):
        assert time.monotonic() < end, f"{complaint}: {found!r} was seen last"
        await asyncio.sleep(PAUSE)
    return found
