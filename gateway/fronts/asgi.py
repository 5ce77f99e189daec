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
    and finishes none fills no memory. Nearly every body over HTTP/2 comes in two pieces, the second one empty, so a
    timer for each is a tenth of a call: one looks after all of them.
    """

    def __init__(self, limits: FrontLimits) -> None:
        self._limits = limits
        self._held = 0
        self._unfinished: dict[asyncio.Task[Any] | None, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def read(self, receive: Receive, headers: Headers, limit: int) -> bytes:
        """Read a whole body, refusing it by its declared length before reading and by counting while reading."""
        declared = headers.get(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > limit:
            raise _too_large(limit)
        message = await receive()
        if message["type"] != "http.request":
            raise CallerLeft
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        return await self._read_rest(receive, body, limit) if message.get("more_body") else body

    async def _read_rest(self, receive: Receive, first: bytes, limit: int) -> bytes:
        task, parts = asyncio.current_task(), [first]
        self._watch(task)
        self._held += len(first)
        try:
            await self._gather(receive, parts, limit)
        except asyncio.CancelledError as exc:
            if task is None or task in self._unfinished:
                raise  # the server did it, because the caller has left
            task.uncancel()
            raise DeadlineExceeded(f"the body was not whole after {self._limits.stall_seconds} s") from exc
        finally:
            self._unfinished.pop(task, None)
            self._held -= sum(map(len, parts))
        return b"".join(parts)

    async def _gather(self, receive: Receive, parts: list[bytes], limit: int) -> None:
        size, more = len(parts[0]), True
        while more:
            if self._held > self._limits.max_unfinished_bytes:
                raise Overloaded("too many bodies are on their way in; try again later")
            message = await receive()
            if message["type"] != "http.request":
                raise CallerLeft
            more = message.get("more_body", False)
            part = message.get("body", b"")
            if part:
                parts.append(part)
                size += len(part)
                self._held += len(part)
                if size > limit:
                    raise _too_large(limit)

    def _watch(self, task: asyncio.Task[Any] | None) -> None:
        loop = asyncio.get_running_loop()
        self._unfinished[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._limits.stall_seconds / 4, self._sweep)

    def _sweep(self) -> None:
        """End those that have taken too long, the oldest first."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._limits.stall_seconds
        stalled = [task for task, began in self._unfinished.items() if began <= oldest]
        for task in stalled:
            del self._unfinished[task]
            if task is not None:
                task.cancel()
        self._timer = loop.call_later(self._limits.stall_seconds / 4, self._sweep) if self._unfinished else None


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body is longer than {limit} bytes")
