"""One connection, without a socket: bytes in, replies out to the list whose turn it is."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.features.connection import Batch, Connection, ConnectionLimits
from gateway.features.decode import Reply
from gateway.testing.manual_clock import ManualClock


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True


def connected(limits: ConnectionLimits | None = None, clock: ManualClock | None = None) -> tuple[Connection, Wire]:
    connection, wire = Connection(limits or ConnectionLimits(), clock or ManualClock()), Wire()
    connection.connection_made(wire)
    return connection, wire


def ask(connection: Connection, owed: int = 1) -> Batch:
    batch = connection.ask(b"?", owed)
    assert batch is not None
    return batch


def came(batch: Batch) -> list[Reply]:
    assert batch.arrived.done()
    return batch.arrived.result()


async def test_replies_go_to_lists_in_turn() -> None:
    connection, wire = connected()
    first, second = ask(connection, 2), ask(connection)
    assert wire.written == [b"?", b"?"]
    connection.data_received(b"*2\r\n$1\r\na\r\n$-1\r\n-WRONGTYPE no\r\n*1\r\n")
    assert came(first)[0] == [b"a", None]
    assert str(came(first)[1]) == "WRONGTYPE no"
    assert not second.arrived.done()
    assert connection.owed == 1
    connection.data_received(b"$1\r\nb\r\n")
    assert came(second) == [[b"b"]]
    assert connection.owed == 0


async def test_late_replies_are_thrown_away() -> None:
    connection, _ = connected()
    late = ask(connection, 2)
    connection.data_received(b"*1\r\n$1\r\na\r\n")
    late.give_up()
    assert came(late) == [[b"a"]]
    next_one = ask(connection)
    connection.data_received(b"*1\r\n$1\r\nb\r\n")
    assert came(late) == [[b"a"]]
    assert not next_one.arrived.done()
    connection.data_received(b"*1\r\n$1\r\nc\r\n")
    assert came(next_one) == [[b"c"]]


async def test_a_cancelled_list_still_counts_its_replies() -> None:
    connection, _ = connected()
    gone, here = ask(connection), ask(connection)
    gone.arrived.cancel()
    connection.data_received(b"*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n")
    assert came(here) == [[b"b"]]


async def test_loss_settles_everybody_at_once() -> None:
    connection, wire = connected()
    first, second = ask(connection, 2), ask(connection)
    connection.data_received(b"*1\r\n$1\r\na\r\n")
    connection.connection_lost(ConnectionResetError("reset"))
    assert came(first) == [[b"a"]]
    assert came(second) == []
    assert connection.lost.result() == "reset"
    assert connection.ask(b"?", 1) is None
    assert not wire.aborted


@pytest.mark.parametrize(
    ("reason", "feed"),
    [
        ("not the replies", lambda connection: connection.data_received(b"hello\r\n")),
        ("not the replies", lambda connection: connection.data_received(b"+one\r\n+two\r\n+three\r\n")),
        ("more than 64 bytes", lambda connection: connection.data_received(b"$1000\r\n" + b"x" * 100)),
        ("replies owed", lambda connection: connection.listens(0.0, 0.0)),
    ],
)
async def test_what_is_beyond_hope_is_dropped(reason: str, feed: Callable[[Connection], object]) -> None:
    connection, wire = connected(ConnectionLimits(owed=1, reply_bytes=64))
    batch = ask(connection, 2)
    feed(connection)
    assert wire.aborted
    assert reason in connection.lost.result()
    assert batch.arrived.done()
    assert not connection.alive
    connection.data_received(b"+more\r\n")


async def test_a_peer_that_vanished_is_given_up() -> None:
    connection, wire = connected(ConnectionLimits(silence=0.1, patience=2.0))
    assert connection.listens(100.0, 0.0), "where nothing is owed, silence says nothing"
    ask(connection)
    assert not connection.listens(2.0, 0.0)
    assert not wire.aborted
    assert not connection.listens(2.001, 0.0)
    assert wire.aborted
    assert connection.ask(b"?", 1) is None


async def test_a_silent_server_is_asked_by_nobody_who_would_not_wait_that_long() -> None:
    connection, _ = connected(ConnectionLimits(silence=0.1))
    ask(connection)
    assert connection.listens(0.1, 0.05)
    assert not connection.listens(0.101, 0.05)
    assert connection.listens(0.25, 0.25), "this list would wait longer than it has been silent"
    assert not connection.listens(0.251, 0.25)


async def test_a_word_ends_the_silence_at_once() -> None:
    clock = ManualClock()
    connection, _ = connected(ConnectionLimits(silence=0.1), clock)
    first, second = ask(connection), ask(connection)
    first.give_up()
    clock.advance(1.5)
    assert not connection.listens(clock(), 0.05)
    connection.data_received(b"*1\r\n$1\r\na\r\n")
    assert connection.listens(clock(), 0.05)
    assert not second.arrived.done()
    clock.advance(0.11)
    assert not connection.listens(clock(), 0.05), "the second reply is still owed, and nothing has come since"


async def test_a_slow_server_that_goes_on_answering_is_not_silent() -> None:
    """Each reply comes 80 ms after its list has given up: none is of use, and yet the server is there."""
    clock = ManualClock()
    connection, _ = connected(ConnectionLimits(silence=0.1), clock)
    for _ in range(50):
        batch = ask(connection)
        clock.advance(0.05)
        batch.give_up()
        assert connection.listens(clock(), 0.05)
        clock.advance(0.03)
        connection.data_received(b"*1\r\n$1\r\na\r\n")
