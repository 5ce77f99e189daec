"""The ASGI words that both protocols share: types, a bounded body, a caller who left."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gateway.errors import RequestTooLarge
from gateway.fronts.caller import Headers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]


class CallerLeft(Exception):
    """The caller closed the connection before the body was whole: there is nobody to answer."""


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """Read the whole body, refusing it by its declared length before reading and by counting while reading."""
    declared = headers.get(b"content-length")
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] != "http.request":
        raise CallerLeft
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        return await _read_rest(receive, body, limit)
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _read_rest(receive: Receive, first: bytes, limit: int) -> bytes:
    parts = [first]
    size = len(first)
    more = True
    while more and size <= limit:
        message = await receive()
        if message["type"] != "http.request":
            raise CallerLeft
        part = message.get("body", b"")
        size += len(part)
        parts.append(part)
        more = message.get("more_body", False)
    if size > limit:
        raise _too_large(limit)
    return b"".join(parts)


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body is longer than {limit} bytes")
