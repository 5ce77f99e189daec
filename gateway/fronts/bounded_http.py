"""uvicorn's HTTP/1.1 with an end to what it waits for: heads that grow or never come, bodies that stall.

httptools gathers a head of any length, and uvicorn sets no time for a request to arrive in: one caller could fill the
worker's memory, and a few thousand could hold every connection, without ever asking for anything.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.fronts.limits import FrontLimits

_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 30\r\n\r\nthe request's head is too long"
)


class BoundedHttp(HttpToolsProtocol):
    """One connection; it counts what is unfinished and does nothing for requests that come whole."""

    def __init__(self, limits: FrontLimits, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._limits = limits
        self._head_bytes = 0
        self._waits_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own type
        """Called by the loop: the wait for the first head begins."""
        super().connection_made(transport)
        self._waits_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Called by the loop: look only at requests that this data leaves unfinished."""
        begun: Any = self.scope
        super().data_received(data)
        scope: Any = self.scope  # None until the first head begins; its method is set when the head is whole
        if scope is None or "method" not in scope:
            self._head_goes_on(len(data), is_new=begun is not scope)
        elif self.cycle.more_body:
            self._head_bytes, self._waits_since = 0, self.loop.time()
        else:
            self._head_bytes, self._waits_since = 0, None

    def overdue(self, now: float) -> bool:
        """Whether the rest of a request has not come in time: a whole head, or more of a body."""
        return self._waits_since is not None and now - self._waits_since > self._limits.stall_seconds

    def _head_goes_on(self, size: int, *, is_new: bool) -> None:
        if is_new or self._waits_since is None:
            self._head_bytes, self._waits_since = 0, self.loop.time()
        self._head_bytes += size
        if self._head_bytes > self._limits.max_head_bytes and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()


def end_overdue(connections: Iterable[object], now: float) -> None:
    """Break off every connection that is overdue."""
    for connection in list(connections):
        if isinstance(connection, BoundedHttp) and connection.overdue(now):
            connection.transport.abort()
