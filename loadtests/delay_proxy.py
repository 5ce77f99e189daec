"""`python -m loadtests.delay_proxy`: a TCP proxy that holds every reply for a while, as a network would.

One machine's loopback answers in 30 µs, a network in half a millisecond: a gateway that waits well shows it only then.
Requests pass at once and replies are held, so that the round trip grows by the delay once. It says when it listens, and
when it is ended how long it really held the replies: a timer of half a millisecond is no exact thing. SIGUSR1 makes it
hold them for --slower-us instead, SIGUSR2 as before.
"""

import select
import signal
import socket
import sys
import time
from argparse import ArgumentParser
from collections import deque
from contextlib import suppress

import msgspec

from loadtests.latencies import Latencies
from loadtests.options import Address, address
from loadtests.tally import QUANTILES
from loadtests.wake import wake_exactly

LISTENING = "listening"
_CHUNK = 1 << 16


class DelayProxy:
    """Connections from callers, each with one of its own to the server, and the replies that wait for their time."""

    def __init__(self, listener: socket.socket, server: Address, delay: float) -> None:
        self._listener = listener
        self._server = server
        self._delay = int(delay * 1e9)
        self._poll = select.epoll()
        self._poll.register(listener, select.EPOLLIN)
        self._peers: dict[int, tuple[socket.socket, socket.socket, bool]] = {}
        self._held: deque[tuple[int, socket.socket, bytes]] = deque()
        self.held_for = Latencies()

    def turn(self, patience: float = 0.2) -> None:
        """Pass on what is due and what has come, waiting for `patience` seconds at most."""
        left = (self._held[0][0] - time.perf_counter_ns()) / 1e9 if self._held else patience
        if select.select([self._poll], [], [], max(0.0, min(left, patience)))[0]:
            for number, _ in self._poll.poll(0):
                self._accept() if number == self._listener.fileno() else self._take(number)
        self._release()

    def hold(self, delay: float) -> None:
        """Hold replies for so many seconds from now on; those that wait already go first."""
        self._delay = int(delay * 1e9)

    def close(self) -> None:
        """Let every connection go."""
        for number in list(self._peers):
            self._part(number)
        self._poll.close()

    def _accept(self) -> None:
        caller, _ = self._listener.accept()
        server = socket.create_connection(self._server, 5.0)
        for one, other, holds in ((caller, server, False), (server, caller, True)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.settimeout(5.0)  # a peer that takes nothing for so long is gone
            self._peers[one.fileno()] = one, other, holds
            self._poll.register(one, select.EPOLLIN)

    def _take(self, number: int) -> None:
        if number not in self._peers:  # the other side of it has ended in this same turn
            return
        one, other, holds = self._peers[number]
        try:
            data = one.recv(_CHUNK)
        except OSError:
            data = b""
        if not data:
            self._part(number)
        elif holds:
            self._held.append((time.perf_counter_ns() + self._delay, other, data))
        else:
            self._send(other, data)

    def _release(self) -> None:
        while self._held and self._held[0][0] <= time.perf_counter_ns():
            due, caller, data = self._held.popleft()
            self._send(caller, data)
            self.held_for.add(time.perf_counter_ns() - due + self._delay)

    def _send(self, to: socket.socket, data: bytes) -> None:
        with suppress(OSError):  # its end is seen where it is read
            to.sendall(data)

    def _part(self, number: int) -> None:
        for one in self._peers.pop(number)[:2]:
            self._peers.pop(one.fileno(), None)
            one.close()


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT, then print what the delay really was."""
    parser = ArgumentParser(prog="python -m loadtests.delay_proxy", description=__doc__)
    parser.add_argument("--listen", type=address, required=True, metavar="HOST:PORT")
    parser.add_argument("--to", type=address, required=True, metavar="HOST:PORT", help="the server behind the proxy")
    parser.add_argument("--delay-us", type=float, default=400.0, help="how long a reply is held [%(default)s µs]")
    parser.add_argument("--slower-us", type=float, default=4000.0, help="after SIGUSR1 [%(default)s µs]")
    options = parser.parse_args(arguments)
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: ended.append(received))
    wake_exactly()
    with socket.create_server(options.listen) as listener:
        proxy = DelayProxy(listener, options.to, options.delay_us / 1e6)
        signal.signal(signal.SIGUSR1, lambda *_: proxy.hold(options.slower_us / 1e6))
        signal.signal(signal.SIGUSR2, lambda *_: proxy.hold(options.delay_us / 1e6))
        print(LISTENING, flush=True)
        while not ended:
            proxy.turn()
        print(msgspec.json.encode(_held(proxy.held_for)).decode(), flush=True)
        proxy.close()
    return 0


def _held(latencies: Latencies) -> dict[str, float]:
    replies = sum(latencies.counts)
    quantiles = {name: latencies.quantile(share) for name, share in QUANTILES.items()} if replies else {}
    return {"replies": replies} | quantiles


if __name__ == "__main__":
    sys.exit(main())
