"""The HTTP/2 client without its socket: bytes in, bytes out."""

import pytest
from hpack import Decoder

from loadtests import frames
from loadtests.exchange import Exchange, Request, WireError
from loadtests.frames import frame
from loadtests.header_block import BlockReader, post_block
from loadtests.http2 import Http2Wire

HEAD = b"\x88\x0f\x10\x10application/grpc"  # :status 200, content-type
INTERIM = b"\x08\x03103"
TRAILERS = b"\x00\x0bgrpc-status\x010"
OPENING_SIZE = 24 + 9 + 18 + 9 + 4


def answer(stream: int, body: bytes) -> bytes:
    return (
        frame(frames.HEADERS, frames.END_HEADERS, stream, HEAD)
        + frame(frames.DATA, 0, stream, body)
        + frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream, TRAILERS)
    )


def call(body: bytes = b"hello") -> Exchange:
    return Exchange(Request(body, ""), 0)


def cut(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Cut bytes into frames, the plain way."""
    found = []
    while data:
        size, stream = int.from_bytes(data[:3], "big"), int.from_bytes(data[5:9], "big")
        found.append((data[3], data[4], stream, data[9 : 9 + size]))
        data = data[9 + size :]
    return found


@pytest.fixture
def wire() -> Http2Wire:
    return Http2Wire(post_block({":path": "/p"}), BlockReader())


@pytest.fixture
def first(wire: Http2Wire) -> Exchange:
    """The wire's first call, already under way on stream 1."""
    exchange = call()
    wire.start(exchange)
    return exchange


def test_the_opening_turns_the_table_off_and_the_windows_up(wire: Http2Wire) -> None:
    written = wire.start(call())
    assert written.startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    settings, window, headers, data = cut(written[24:])
    assert frames.read_settings(settings[3]) == {1: 0, 2: 0, 4: 2**31 - 1}
    assert window == (8, 0, 0, (2**31 - 1 - 65_535).to_bytes(4, "big"))
    assert headers[:3] == (1, 4, 1)
    assert {str(name): str(value) for name, value in Decoder().decode(headers[3])} == {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/p",
    }
    assert data == (0, 1, 1, b"hello")


def test_the_second_call_takes_the_next_odd_stream(wire: Http2Wire, first: Exchange) -> None:
    assert [(kind, stream) for kind, _, stream, _ in cut(wire.start(call()))] == [(1, 3), (0, 3)]


def test_an_answer_is_gathered_whatever_pieces_it_comes_in(wire: Http2Wire, first: Exchange) -> None:
    data = answer(1, b"world")
    for at in range(len(data) - 1):
        assert wire.receive(data[at : at + 1]) == ([], b"")
    assert wire.receive(data[-1:]) == ([first], b"")
    assert (first.head, first.body, first.trailers) == ({":status": "200"}, b"world", {"grpc-status": "0"})


def test_answers_of_several_calls_come_in_any_order(wire: Http2Wire, first: Exchange) -> None:
    second = call()
    wire.start(second)
    assert wire.receive(answer(3, b"b") + answer(1, b"a")) == ([second, first], b"")
    assert (first.body, second.body) == (b"a", b"b")


def test_a_refusal_is_one_block(wire: Http2Wire, first: Exchange) -> None:
    block = HEAD + b"\x00\x0bgrpc-status\x018"
    done, _ = wire.receive(frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 1, block))
    assert done == [first]
    assert first.head == {":status": "200", "grpc-status": "8"}


def test_padding_priority_continuation_and_interim_heads(wire: Http2Wire, first: Exchange) -> None:
    padded = b"\2" + b"\0\0\0\0\0" + HEAD[:4] + b"xx"
    done, _ = wire.receive(
        frame(frames.HEADERS, frames.END_HEADERS, 1, INTERIM)
        + frame(frames.HEADERS, frames.PADDED | frames.HAS_PRIORITY, 1, padded)
        + frame(frames.CONTINUATION, frames.END_HEADERS, 1, HEAD[4:])
        + frame(frames.DATA, frames.PADDED, 1, b"\3onexxx")
        + frame(frames.DATA, 0, 1, b"two")
        + frame(frames.HEADERS, frames.END_STREAM, 1, TRAILERS[:5])
        + frame(frames.CONTINUATION, frames.END_HEADERS, 1, TRAILERS[5:])
    )
    assert done == [first]
    assert (first.head, first.body, first.trailers) == ({":status": "200"}, b"onetwo", {"grpc-status": "0"})


def test_a_server_that_speaks_first_gets_the_opening_before_its_acknowledgement(wire: Http2Wire) -> None:
    _, owed = wire.receive(frames.settings({3: 10}))
    assert owed.startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert cut(owed[24:])[-1] == (4, 1, 0, b"")
    assert not wire.start(call()).startswith(b"PRI")


def test_settings_and_pings_are_answered_and_acknowledgements_are_not(wire: Http2Wire, first: Exchange) -> None:
    _, owed = wire.receive(frames.settings({3: 10}) + frame(frames.PING, 0, 0, b"12345678"))
    assert cut(owed) == [(4, 1, 0, b""), (6, 1, 0, b"12345678")]
    assert wire.receive(frame(frames.SETTINGS, 1, 0, b"") + frame(frames.PING, 1, 0, b"12345678")) == ([], b"")


def test_the_server_s_limit_on_streams_is_kept(wire: Http2Wire, first: Exchange) -> None:
    wire.receive(frames.settings({frames.MAX_CONCURRENT_STREAMS: 1}))
    assert wire.start(call()) == b""
    wire.receive(answer(1, b""))
    assert wire.start(call()) != b""


def test_no_more_is_sent_than_the_window_holds(wire: Http2Wire) -> None:
    for _ in range(4):
        assert wire.start(call(b"x" * 16_000))
    assert wire.start(call(b"x" * 16_000)) == b""
    wire.receive(frames.window_update(16_000))
    assert wire.start(call(b"x" * 16_000))
    wire.receive(frames.window_update(99_000) + frames.settings({frames.INITIAL_WINDOW_SIZE: 100}))
    assert wire.start(call(b"x" * 101)) == b""


def test_a_reset_stream_is_a_broken_call(wire: Http2Wire, first: Exchange) -> None:
    done, _ = wire.receive(frame(frames.RST_STREAM, 0, 1, (11).to_bytes(4, "big")))
    assert done == [first]
    assert first.broken == "stream reset: ENHANCE_YOUR_CALM"
    assert wire.receive(answer(1, b"late")) == ([], b"")


def test_goaway_refuses_what_came_after_its_last_stream_and_lets_the_rest_end(wire: Http2Wire, first: Exchange) -> None:
    refused = call()
    wire.start(refused)
    done, _ = wire.receive(frame(frames.GOAWAY, 0, 0, b"\0\0\0\1" + b"\0\0\0\0"))
    assert done == [refused]
    assert refused.broken == "refused by GOAWAY: NO_ERROR"
    assert wire.leaving
    assert wire.start(call()) == b""
    assert wire.receive(answer(1, b"world")) == ([first], b"")


def test_a_large_answer_gives_the_connection_its_window_back(wire: Http2Wire, first: Exchange) -> None:
    wire._consumed = 2**29  # half a gigabyte received before
    _, owed = wire.receive(frame(frames.DATA, 0, 1, b"x"))
    assert cut(owed) == [(8, 0, 0, (2**29 + 1).to_bytes(4, "big"))]


def test_a_push_breaks_the_wire(wire: Http2Wire) -> None:
    with pytest.raises(WireError, match="pushing is off"):
        wire.receive(frame(frames.PUSH_PROMISE, 4, 1, b"\0\0\0\2"))


def test_what_is_abandoned_is_forgotten(wire: Http2Wire, first: Exchange) -> None:
    assert wire.abandon() == [first]
    assert wire.abandon() == []
