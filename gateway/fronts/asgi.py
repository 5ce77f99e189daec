"""The ASGI words that both protocols share: types, a bounded body, a caller who left."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gateway.errors import DeadlineExceeded, Overloaded, RequestTooLarge
from gateway.fronts.caller import Headers
from gateway.fronts.limits import FrontLimits

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]


class CallerLeft(Exception):
    """The caller closed the connection before the body was whole: there is nobody to answer."""


class Bodies:
    """Reads the bodies of one worker's requests.

    Those that come in pieces share `max_unfinished_bytes` and have `stall_seconds` to come in: a caller who begins many
    and finishes none fills no memory.
    """

    def __init__(self, limits: FrontLimits) -> None:
        self._limits = limits
        self._held = 0

    async def read(self, receive: Receive, headers: Headers, limit: int) -> bytes:
        """Read a whole body, refusing it by its declared length before reading and by counting while reading."""
        declared = headers.get(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > limit:
            raise _too_large(limit)
        message = await receive()
        if message["type"] != "http.request":
            raise CallerLeft
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            return await self._read_rest(receive, body, limit)
        if len(body) > limit:
            raise _too_large(limit)
        return body

    async def _read_rest(self, receive: Receive, first: bytes, limit: int) -> bytes:
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(self._limits.stall_seconds):
                await self._gather(receive, first, limit, parts)
        except TimeoutError as exc:
            raise DeadlineExceeded(f"the body was not whole after {self._limits.stall_seconds} s") from exc
        finally:
            self._held -= sum(map(len, parts))
        return b"".join(parts)

    async def _gather(self, receive: Receive, part: bytes, limit: int, parts: list[bytes]) -> None:
        size, more = 0, True
        while True:
            parts.append(part)
            size += len(part)
            self._held += len(part)
            if size > limit:
                raise _too_large(limit)
            if self._held > self._limits.max_unfinished_bytes:
                raise Overloaded("too many bodies are on their way in; try again later")
            if not more:
                return
            message = await receive()
            if message["type"] != "http.request":
                raise CallerLeft
            part, more = message.get("body", b""), message.get("more_body", False)


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body is longer than {limit} bytes")
