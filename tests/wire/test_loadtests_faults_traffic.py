"""The fault runs' open loop, over real sockets to a server that answers, leaves, and comes back."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from loadtests.answer import Verdict
from loadtests.dialect import Dialect
from loadtests.exchange import Exchange, Request
from loadtests.faults.callers import Callers, Phase
from loadtests.faults.ending import ANSWERED, FAILED, Ending, late_or
from loadtests.faults.ledger import ledger
from loadtests.faults.script import Deed, DeedFailed, Script
from loadtests.faults.timeline import first_after
from loadtests.faults.traffic import Run, Traffic, arrivals, offer


class LineWire:
    """A protocol of lines: every call is one, every line that comes back ends the oldest call."""

    def __init__(self) -> None:
        self.leaving = False
        self._calls: list[Exchange] = []

    def start(self, exchange: Exchange) -> bytes:
        self._calls.append(exchange)
        return exchange.request.body

    def receive(self, data: bytes) -> tuple[list[Exchange], bytes]:
        count = data.count(b"\n")
        done, self._calls = self._calls[:count], self._calls[count:]
        return done, b""

    def abandon(self) -> list[Exchange]:
        calls, self._calls = self._calls, []
        return calls


LINES = Dialect("lines", True, lambda case, _: Request(b"ask\n", ""), LineWire, lambda _: Verdict(""))


class Echo(socketserver.StreamRequestHandler):
    """Sends every line back until the server is closed; what says nothing is not answered."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, EchoServer)
        server.connections.append(self.connection)
        for line in self.rfile:
            if not server.silent:
                self.wfile.write(line)


class EchoServer(socketserver.ThreadingTCPServer):
    """An echo of lines that can cut all of its connections."""

    allow_reuse_address = daemon_threads = True
    silent = False

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Echo)
        self.connections: list[socket.socket] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that has left is no news."""

    def cut(self) -> None:
        for connection in self.connections:
            connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def echoing(silent: bool = False) -> Iterator[EchoServer]:
    with EchoServer() as server:
        server.silent = silent
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def sort(exchange: Exchange, seconds: float) -> Ending:
    return Ending(FAILED, exchange.broken) if exchange.broken else late_or(Ending(ANSWERED), seconds, 10.0)


def run(address: tuple[str, int], seconds: float, deadline: float = 10.0, *deeds: Deed) -> Run:
    callers = Callers("all", LINES, sort, address, [Request(b"ask\n", "")], 3)
    traffic = Traffic([callers], [Phase(seconds, 300.0, {"all": 1.0})], deadline, grace=0.3)
    return offer(traffic, Script(deeds))


def test_every_call_is_answered_once_and_the_ledger_adds_up() -> None:
    with echoing() as server:
        found = ledger(run(("127.0.0.1", server.server_address[1]), 0.5).calls)
    assert found.adds_up
    assert found.counts["answered"] == found.sent > 50


def test_connections_that_are_cut_come_back() -> None:
    with echoing() as server:
        done = run(("127.0.0.1", server.server_address[1]), 1.0, 10.0, Deed(0.3, "cut", server.cut))
    found = ledger(done.calls)
    assert found.adds_up
    assert done.reopened >= 3
    assert first_after(done.calls, done.moments["cut"] + 0.05, ANSWERED) < 10.0
    assert set(found.reasons.get("failed", {})) <= {"connection closed", "connection broken: Connection reset by peer"}


def test_without_a_server_every_call_has_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
    found = ledger(run(address, 0.3, 0.05).calls)
    assert found.adds_up
    assert found.reasons["failed"] == {"no connection took it": found.sent}


def test_calls_that_are_never_answered_are_counted() -> None:
    with echoing(silent=True) as server:
        found = ledger(run(("127.0.0.1", server.server_address[1]), 0.3).calls)
    assert found.adds_up
    assert found.reasons["failed"] == {"unanswered": found.sent}


def test_a_deed_that_fails_fails_the_run() -> None:
    def impossible() -> None:
        raise OSError("no such Redis")

    with echoing() as server, pytest.raises(DeedFailed, match="freeze: no such Redis"):
        run(("127.0.0.1", server.server_address[1]), 0.2, 10.0, Deed(0.0, "freeze", impossible))


def test_phases_have_their_own_rates_and_callers() -> None:
    one, other = (Callers(name, LINES, sort, ("127.0.0.1", 1), [Request(b"", "")], 1) for name in ("one", "other"))
    phases = [Phase(10.0, 100.0, {"one": 1.0}), Phase(10.0, 300.0, {"one": 0.5, "other": 0.5})]
    drawn = list(arrivals(Traffic([one, other], phases)))
    assert [moment for moment, _, _ in drawn] == sorted(moment for moment, _, _ in drawn)
    first, second = ([group for _, group, phase in drawn if phase == number] for number in (0, 1))
    assert 850 < len(first) < 1150
    assert set(first) == {0}
    assert 2700 < len(second) < 3300
    assert 0.4 < sum(second) / len(second) < 0.6
