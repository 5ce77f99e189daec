"""The ASGI words that both protocols share: types, a bounded body, a caller who left."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gateway.errors import DeadlineExceeded, GatewayError, Overloaded, RequestTooLarge
from gateway.fronts.caller import Headers
from gateway.fronts.limits import FrontLimits

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]
IsWhole = Callable[[bytes], bool]

SWEEPS = 4
"""How often bodies are looked at in the time that they have to come in."""
UNFINISHED = "too many bodies are on their way in; try again later"


class CallerLeft(Exception):
    """The caller closed the connection before the body was whole: there is nobody to answer."""


class Bodies:
    """Reads the bodies of one worker's requests.

    Those that are waited for are at most `max_unfinished_calls`, else the oldest is given up; they share
    `max_unfinished_bytes`, and have `stall_seconds` to come in, or a quarter more: a caller who begins many and
    finishes none fills neither memory nor the calls that a worker may have in hand. A timer for each would be a tenth
    of a call: one looks after all of them.
    """

    def __init__(self, limits: FrontLimits) -> None:
        self._limits = limits
        self._held = 0
        self._unfinished: dict[asyncio.Task[Any] | None, int] = {}
        """The tasks that read, in the order in which they began, and before which sweep each did."""
        self._sweeps = 0
        self._given_up: dict[asyncio.Task[Any], GatewayError] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def read(self, receive: Receive, headers: Headers, limit: int, is_whole: IsWhole | None = None) -> bytes:
        """Read a whole body, refusing it by its declared length before reading and by counting while reading.

        `is_whole` tells by a first piece that no more belongs to it: then its end is not waited for.
        """
        declared = headers.get(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > limit:
            raise _too_large(limit)
        task = self._begin()
        try:
            message = await receive()
            if message["type"] != "http.request":
                raise CallerLeft
            body: bytes = message.get("body", b"")
            if len(body) > limit:
                raise _too_large(limit)
            if message.get("more_body") and not (is_whole is not None and is_whole(body)):
                body = await self._gather(receive, body, limit)
        except asyncio.CancelledError as exc:
            if task is None or (error := self._given_up.pop(task, None)) is None:
                raise  # the server did it, because the caller has left
            task.uncancel()
            raise error from exc
        finally:
            self._unfinished.pop(task, None)
        return body

    async def _gather(self, receive: Receive, first: bytes, limit: int) -> bytes:
        parts, size, more = [first], len(first), True
        self._held += size
        try:
            while more:
                if self._held > self._limits.max_unfinished_bytes:
                    raise Overloaded(UNFINISHED)
                message = await receive()
                if message["type"] != "http.request":
                    raise CallerLeft
                more = message.get("more_body", False)
                part = message.get("body", b"")
                parts.append(part)
                size += len(part)
                self._held += len(part)
                if size > limit:
                    raise _too_large(limit)
        finally:
            self._held -= size
        return b"".join(parts)

    def _begin(self) -> asyncio.Task[Any] | None:
        task = asyncio.current_task()
        if len(self._unfinished) >= self._limits.max_unfinished_calls:
            self._give_up(next(iter(self._unfinished)), Overloaded(UNFINISHED))
        self._unfinished[task] = self._sweeps
        if self._timer is None:
            self._look_again()
        return task

    def _give_up(self, task: asyncio.Task[Any] | None, error: GatewayError) -> None:
        del self._unfinished[task]
        if task is not None:
            self._given_up[task] = error
            task.cancel()

    def _sweep(self) -> None:
        """End those that have taken too long, the oldest first."""
        self._sweeps += 1
        error = DeadlineExceeded(f"the body was not whole after {self._limits.stall_seconds} s")
        for task in [task for task, begun in self._unfinished.items() if self._sweeps - begun > SWEEPS]:
            self._give_up(task, error)
        self._timer = None
        if self._unfinished:
            self._look_again()

    def _look_again(self) -> None:
        every = self._limits.stall_seconds / SWEEPS
        self._timer = asyncio.get_running_loop().call_later(every, self._sweep)


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body is longer than {limit} bytes")
