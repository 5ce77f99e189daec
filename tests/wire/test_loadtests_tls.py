"""The generator over TLS: bytes in and out against Python's own TLS, and whole runs against both fronts."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.fronts.tls import ServerTls
from gateway.testing.scripted_door import ScriptedDoor
from gateway.testing.served_front import served_front
from loadtests.__main__ import main
from loadtests.cases import Case
from loadtests.certificate import Pair, make_pair
from loadtests.dialect import Target, dialect, requests
from loadtests.exchange import Exchange, Request, WireError
from loadtests.generator import Load, generate
from loadtests.tls import TlsWire, over_tls, trusting

CASES = [Case({"card_id": number, "store_id": 1}, {"amount": 1.0}) for number in range(200)]
RUNS = [("h2corn", "grpc"), ("h2corn", "http"), ("h2corn", "http2"), ("conservative", "grpc"), ("conservative", "http")]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("stranger"))


class Lines:
    """A wire whose calls and answers are lines, answered in order."""

    def __init__(self) -> None:
        self.leaving = False
        self._calls: list[Exchange] = []
        self._unread = b""

    def start(self, exchange: Exchange) -> bytes:
        self._calls.append(exchange)
        return exchange.request.body + b"\n"

    def receive(self, data: bytes) -> tuple[list[Exchange], bytes]:
        *lines, self._unread = (self._unread + data).split(b"\n")
        done, self._calls = self._calls[: len(lines)], self._calls[len(lines) :]
        for exchange, line in zip(done, lines, strict=True):
            exchange.body = line
        return done, b"thanks\n" if done else b""

    def abandon(self) -> list[Exchange]:
        return self._calls


class Peer:
    """The other end, by Python's own TLS."""

    def __init__(self, pair: Pair, protocol: str = "h2") -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        context.set_alpn_protocols([protocol])
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def shake(self, data: bytes) -> bytes:
        self._incoming.write(data)
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._outgoing.read()

    def hear(self, data: bytes) -> bytes:
        self._incoming.write(data)
        return self._tls.read(1 << 20)

    def say(self, data: bytes) -> bytes:
        self._tls.write(data)
        return self._outgoing.read()

    def bid_farewell(self) -> bytes:
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.unwrap()
        return self._outgoing.read()


def wire_to(trusted: Pair, host: str = "localhost") -> TlsWire:
    context = trusting(trusted.certificate)
    context.set_alpn_protocols(["h2"])
    return TlsWire(Lines(), context, host, "h2")


def call(body: bytes) -> Exchange:
    return Exchange(Request(body, ""), 0)


def meet(wire: TlsWire, peer: Peer) -> bytes:
    """Start the first call; return what the peer hears once hands are shaken."""
    hello = wire.start(call(b"first"))
    assert wire.start(call(b"too early")) == b""
    done, finished = wire.receive(peer.shake(hello))
    assert done == []
    tickets = peer.shake(finished)
    assert wire.receive(tickets) == ([], b"")
    return peer.hear(b"")


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def test_the_first_call_follows_the_handshake_and_nothing_travels_in_clear(pair: Pair) -> None:
    wire, peer = wire_to(pair), Peer(pair)
    assert meet(wire, peer) == b"first\n"
    sealed = wire.start(call(b"second"))
    assert b"second" not in sealed
    assert peer.hear(sealed) == b"second\n"
    assert not wire.leaving


@pytest.mark.parametrize("size", [7, 1 << 20])
def test_answers_in_any_pieces_and_longer_than_a_record(pair: Pair, size: int) -> None:
    wire, peer = wire_to(pair), Peer(pair)
    meet(wire, peer)
    peer.hear(wire.start(call(b"second")))
    answers = [b"short", b"x" * 100_000]
    done, owed = [], b""
    for piece in in_pieces(peer.say(b"\n".join(answers) + b"\n"), size):
        ended, more = wire.receive(piece)
        done, owed = done + ended, owed + more
    assert [exchange.body for exchange in done] == answers
    assert set(peer.hear(owed).splitlines()) == {b"thanks"}


def test_a_goodbye_is_no_answer(pair: Pair) -> None:
    wire, peer = wire_to(pair), Peer(pair)
    meet(wire, peer)
    assert wire.receive(peer.bid_farewell()) == ([], b"")
    assert [exchange.request.body for exchange in wire.abandon()] == [b"first"]


@pytest.mark.parametrize(
    ("host", "protocol", "known", "why"),
    [
        ("localhost", "h2", False, "no TLS: CERTIFICATE_VERIFY_FAILED"),
        ("elsewhere", "h2", True, "no TLS: CERTIFICATE_VERIFY_FAILED"),
        ("localhost", "http/1.1", True, "the server does not agree to speak h2"),
    ],
)
def test_whom_it_does_not_speak_with(
    pair: Pair, stranger: Pair, host: str, protocol: str, known: bool, why: str
) -> None:
    wire, peer = wire_to(pair if known else stranger, host), Peer(pair, protocol)
    answer = peer.shake(wire.start(call(b"first")))
    with pytest.raises(WireError, match=why):
        wire.receive(answer)


def test_bytes_that_are_no_tls(pair: Pair) -> None:
    wire = wire_to(pair)
    wire.start(call(b"first"))
    with pytest.raises(WireError, match="no TLS"):
        wire.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    wire, peer = wire_to(pair), Peer(pair)
    meet(wire, peer)
    with pytest.raises(WireError, match="TLS broken"):
        wire.receive(bytes(100))


@pytest.mark.parametrize(("front", "name"), RUNS)
async def test_a_run(front: str, name: str, pair: Pair) -> None:
    async with served_front(front, ScriptedDoor(), tls=ServerTls(pair.certificate, pair.key)) as served:
        host, _, port = (served.grpc if name == "grpc" else served.http.removeprefix("https://")).rpartition(":")
        address = (host, int(port))
        load = Load(connections=3, streams=1 if name == "http" else 4, warm_up=0.05, seconds=0.2)
        spoken = over_tls(dialect(name, Target(*address, timeout_ms=5000)), host, pair.certificate)
        report = await asyncio.to_thread(generate, load, spoken, address, requests(spoken, CASES))
    assert report.rate is not None, report.reasons()
    assert report.tally.good > 0


def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    for path in (rubbish, tmp_path / "missing.pem"):
        assert main(["grpc", "127.0.0.1:1", "--tls-ca", str(path)]) == 2
        assert str(path) in capsys.readouterr().err
