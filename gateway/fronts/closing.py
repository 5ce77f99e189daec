"""Ends streams that their callers would hold open for ever, so that a draining worker can leave."""

import asyncio
from collections.abc import AsyncIterator


async def until_closed(closing: asyncio.Event, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass on what the caller sends until he is done or the worker drains."""
    closed = asyncio.ensure_future(closing.wait())
    try:
        while True:
            step = asyncio.ensure_future(anext(requests, None))
            try:
                await asyncio.wait({step, closed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not step.done():
                    step.cancel()
            if not step.done() or (request := step.result()) is None:
                return
            yield request
    finally:
        closed.cancel()
