"""A caller's connection that comes back: whatever ends it, it is opened anew, at longer and longer pauses.

Other than the bench's link it never gives up: here the server's death is what is looked at. Connecting never blocks,
and bytes are gathered until `flush`, so that calls that are due together share one write.
"""

import select
import socket
import time
from collections.abc import Callable

from loadtests.exchange import Exchange, Request, Wire, WireError

_READ_BYTES = 1 << 18
_FIRST_PAUSE, _LONGEST_PAUSE = 20_000_000, 320_000_000  # nanoseconds


class CallerLink:
    """One connection of group `group`. `heard` is when bytes were last read."""

    _socket: socket.socket
    _wire: Wire
    _number: int
    _outgoing: list[bytes]
    _up: bool
    _closed: bool
    _awaits_room: bool
    _again_at: int

    def __init__(
        self,
        address: tuple[str, int],
        make_wire: Callable[[], Wire],
        group: int,
        poll: select.epoll,
        by_number: dict[int, "CallerLink"],
    ) -> None:
        self.group = group
        self.heard = 0
        self.in_flight = 0
        self.reopened = -1
        self._address = address
        self._make_wire = make_wire
        self._poll = poll
        self._by_number = by_number
        self._pause = _FIRST_PAUSE
        self._connect()

    def begin(self, request: Request, due: int) -> bool:
        """Take a call to be sent at the next flush; False when the connection can take none now."""
        if not self._up:
            return False
        started = self._wire.start(Exchange(request, due))
        if not started:
            return False
        self._outgoing.append(started)
        self.in_flight += 1
        return True

    def flush(self) -> None:
        """Write what was taken, and what the socket had no room for."""
        if not self._up or not self._outgoing:
            return
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # the poll reports the end of the connection, and `receive` then says why
        rest = sent < len(data)
        if rest:
            self._outgoing.append(data[sent:])
        if rest != self._awaits_room:
            self._awaits_room = rest
            self._poll.modify(self._number, select.EPOLLIN | (select.EPOLLOUT if rest else 0))

    def notice(self, event: int) -> list[Exchange]:
        """Heed what the poll said; return the calls that have ended."""
        if not self._up:
            self._finish_connecting()
            return []
        if event & select.EPOLLOUT:
            self.flush()
        return self._receive() if event & ~select.EPOLLOUT else []

    def tend(self, now: int) -> None:
        """Open the connection again when its pause is over."""
        if self._closed and now >= self._again_at:
            self._connect()

    def abandon(self) -> list[Exchange]:
        """Return the calls that were never answered, and end."""
        left = self._wire.abandon()
        self.in_flight = 0
        self._drop()
        return left

    def _receive(self) -> list[Exchange]:
        try:
            data = self._socket.recv(_READ_BYTES)
            self.heard = time.perf_counter_ns()
            if not data:
                return self._break("connection closed")
            done, owed = self._wire.receive(data)
        except BlockingIOError:
            return []
        except OSError as exc:
            return self._break(f"connection broken: {exc.strerror}")
        except WireError as exc:
            return self._break(f"protocol broken: {exc}")
        self.in_flight -= len(done)
        self._pause = _FIRST_PAUSE
        if owed:
            self._outgoing.append(owed)
            self.flush()
        if self._wire.leaving and not self.in_flight:
            self._rest(0)
        return done

    def _break(self, reason: str) -> list[Exchange]:
        self.heard = time.perf_counter_ns()
        broken = self._wire.abandon()
        for exchange in broken:
            exchange.broken = reason
        self.in_flight = 0
        self._rest(self._pause)
        return broken

    def _rest(self, pause: int) -> None:
        """Close, to be opened again after a pause."""
        self._drop()
        self._again_at = time.perf_counter_ns() + pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _drop(self) -> None:
        self._by_number.pop(self._number, None)
        self._socket.close()
        self._closed, self._up = True, False

    def _connect(self) -> None:
        self.reopened += 1
        self._wire = self._make_wire()
        self._outgoing = []
        self._awaits_room = self._up = self._closed = False
        self._again_at = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._number = self._socket.fileno()
        self._by_number[self._number] = self
        self._socket.connect_ex(self._address)
        self._poll.register(self._number, select.EPOLLOUT)

    def _finish_connecting(self) -> None:
        if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._rest(self._pause)
            return
        self._up = True
        self._poll.modify(self._number, select.EPOLLIN)
