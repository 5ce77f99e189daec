"""The HTTP/1.1 client without its socket: bytes in, bytes out."""

import pytest

from loadtests.exchange import Exchange, Request, WireError
from loadtests.http1 import Http1Wire, post_head

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


def call() -> Exchange:
    return Exchange(Request(b"{}", ""), 0)


@pytest.fixture
def wire() -> Http1Wire:
    return Http1Wire(post_head("/p", {"host": "localhost:1"}))


def test_a_call_is_one_post(wire: Http1Wire) -> None:
    assert wire.start(call()) == b"POST /p HTTP/1.1\r\nhost: localhost:1\r\ncontent-length: 2\r\n\r\n{}"


def test_one_call_at_a_time(wire: Http1Wire) -> None:
    wire.start(call())
    assert wire.start(call()) == b""


def test_an_answer_is_gathered_whatever_pieces_it_comes_in(wire: Http1Wire) -> None:
    exchange = call()
    wire.start(exchange)
    for at in range(len(OK) - 1):
        assert wire.receive(OK[at : at + 1]) == ([], b"")
    assert wire.receive(OK[-1:]) == ([exchange], b"")
    assert (exchange.head, exchange.body) == ({":status": "200"}, b"{}")
    assert wire.start(call()) != b""


def test_a_chunked_answer(wire: Http1Wire) -> None:
    exchange = call()
    wire.start(exchange)
    wire.receive(b"HTTP/1.1 429 Too Many\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert (exchange.head, exchange.body) == ({":status": "429"}, b"onetwo")


def test_a_connection_that_the_server_closes_takes_no_more_calls(wire: Http1Wire) -> None:
    wire.start(call())
    wire.receive(OK.replace(b"content-type", b"connection: close\r\ncontent-type"))
    assert wire.leaving
    assert wire.start(call()) == b""


@pytest.mark.parametrize("data", [b"PRI * HTTP/2.0\r\n\r\n", OK])
def test_what_is_no_answer_breaks_the_wire(wire: Http1Wire, data: bytes) -> None:
    with pytest.raises(WireError):
        wire.receive(data)


def test_what_is_abandoned_is_forgotten(wire: Http1Wire) -> None:
    exchange = call()
    wire.start(exchange)
    assert wire.abandon() == [exchange]
    assert wire.abandon() == []
