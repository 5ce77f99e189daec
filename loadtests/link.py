"""One connection of a run: a socket that never blocks, the wire it speaks, and the calls it keeps in flight."""

import select
import socket
import time
from collections.abc import Callable, Iterator

from loadtests.exchange import Exchange, Request, Wire, WireError

_CONNECT_SECONDS = 5.0
_READ_BYTES = 1 << 16


class Link:
    """Keeps up to `streams` calls in flight; opens its connection anew when the server ends it.

    A connection that ends before its first answer is not opened again: `alive` turns false, or a dead
    server would be met with a storm of connections that measures nothing.
    """

    def __init__(
        self,
        address: tuple[str, int],
        make_wire: Callable[[], Wire],
        supply: Iterator[Request],
        streams: int,
        poll: select.epoll,
        by_number: dict[int, "Link"],
    ) -> None:
        self._address = address
        self._make_wire = make_wire
        self._supply = supply
        self._streams = streams
        self._poll = poll
        self._by_number = by_number
        self._next = next(supply)
        self.alive = True
        self.heard = 0
        self.in_flight = 0
        self.started = 0
        self._waiting = b""
        self._answered = False
        self._open()

    def fill(self) -> None:
        """Start calls until as many are in flight as may be, all in one write."""
        written = b""
        while self.alive and self.in_flight < self._streams:
            started = self._wire.start(Exchange(self._next, time.perf_counter_ns()))
            if not started:
                break
            written += started
            self._next = next(self._supply)
            self.in_flight += 1
            self.started += 1
        if written:
            self._send(written)

    def receive(self) -> list[Exchange]:
        """Return the calls that have ended, broken ones too; `heard` is when their bytes were read."""
        try:
            data = self._socket.recv(_READ_BYTES)
            self.heard = time.perf_counter_ns()
            if not data:
                return self._break("connection closed")
            done, owed = self._wire.receive(data)
        except BlockingIOError:
            return []
        except ConnectionError as exc:
            return self._break(f"connection broken: {exc.strerror}")
        except WireError as exc:
            return self._break(f"protocol broken: {exc}")
        self.in_flight -= len(done)
        if not self._answered:
            self._answered = any(not exchange.broken for exchange in done)
        if owed:
            self._send(owed)
        if self._wire.leaving and not self.in_flight:
            self._open_again()
        return done

    def flush(self) -> None:
        """Write what the socket had no room for."""
        waiting, self._waiting = self._waiting, b""
        self._poll.modify(self._number, select.EPOLLIN)
        self._send(waiting)

    def close(self) -> None:
        """Close the connection for good."""
        self._socket.close()

    def _send(self, data: bytes) -> None:
        if self._waiting:
            self._waiting += data
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except ConnectionError:
            return  # the poll reports the end of the connection, and `receive` then says why
        if sent < len(data):
            self._waiting = data[sent:]
            self._poll.modify(self._number, select.EPOLLIN | select.EPOLLOUT)

    def _break(self, reason: str) -> list[Exchange]:
        self.heard = time.perf_counter_ns()
        broken = self._wire.abandon()
        for exchange in broken:
            exchange.broken = reason
        self.in_flight = 0
        self._open_again()
        return broken

    def _open_again(self) -> None:
        self._socket.close()
        if not self._answered:
            self.alive = False
            return
        try:
            self._open()
        except OSError:
            self.alive = False

    def _open(self) -> None:
        self._socket = socket.create_connection(self._address, _CONNECT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._number = self._socket.fileno()
        self._by_number[self._number] = self
        self._poll.register(self._number, select.EPOLLIN)
        self._wire = self._make_wire()
        self._waiting = b""
        self._answered = False
