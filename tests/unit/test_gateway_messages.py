"""Supervisor and worker: what one writes the other reads, and nothing else is taken for it."""

import asyncio
import socket
from pathlib import Path

import pytest

from gateway.backends.settings import SeatSettings
from gateway.channel import Channel, open_channel
from gateway.config import ServeConfig
from gateway.fronts.tls import ServerTls
from gateway.messages import (
    LONGEST,
    Arm,
    Done,
    Drop,
    Load,
    MessageError,
    Order,
    Ready,
    Remove,
    Report,
    Standing,
    Start,
    Tell,
    Turn,
    decode_order,
    decode_report,
    encode,
)
from gateway.served import Served
from gateway.triton.settings import TritonSettings, TritonTls
from routing.table import Canary, Shadow, Table

TABLE = Table("fraud", 3, "1", b"\xff\x00salt", Canary("2", 500), (Shadow("2", 0.25),), "0")
SERVED = Served("deployment: fraud\n# é\n", TABLE, {"1": "a", "2": "b", "0": "c"}, 12.5)
CONFIG = ServeConfig(
    models=Path("/m"),
    bundles=Path("/b"),
    state=Path("/s"),
    redis_url="redis://:secret@host/1",
    tls=ServerTls(Path("/c.pem"), Path("/k.pem"), None),
    seats=SeatSettings(triton=TritonSettings(("a:1",), TritonTls(Path("/ca.pem"), Path("/c.pem"), Path("/k.pem")))),
    offsets={"fraud": 1.5},
)


@pytest.mark.parametrize(
    "order",
    [Start(0, CONFIG, [SERVED]), Load(1, SERVED), Turn(2, "fraud"), Drop(3, "fraud"), Remove(4, "fraud"), Tell(5)],
    ids=lambda order: type(order).__name__,
)
def test_an_order_arrives_as_it_was_given(order: Order) -> None:
    line = encode(order)
    assert line.index(b"\n") == len(line) - 1, "one line"
    assert decode_order(line) == order


@pytest.mark.parametrize(
    "report",
    [Ready(), Done(7), Done(8, "no"), Done(9, standings=[Standing("fraud", 3, [Arm("canary", "2", "b", 0.05, "x")])])],
)
def test_a_report_arrives_as_it_was_made(report: Report) -> None:
    assert decode_report(encode(report)) == report


@pytest.mark.parametrize(
    "line",
    [b"\n", b"nonsense\n", b"[]\n", b'{"type":"Fly"}\n', b'{"type":"Turn","id":"x","deployment":1}\n', b"\xff\n"],
)
def test_nonsense_is_no_message(line: bytes) -> None:
    with pytest.raises(MessageError):
        decode_order(line)
    with pytest.raises(MessageError):
        decode_report(line)


def test_a_table_that_cannot_exist_does_not_arrive() -> None:
    line = encode(Load(1, SERVED)).replace(b'"weight":500', b'"weight":50000')
    with pytest.raises(MessageError, match="canary weight"):
        decode_order(line)


async def pair() -> tuple[Channel[Report, Order], Channel[Order, Report], asyncio.StreamWriter]:
    ours, theirs = socket.socketpair()
    supervisor: Channel[Report, Order] = await open_channel(ours, decode_report)
    reader, writer = await asyncio.open_unix_connection(sock=theirs, limit=LONGEST)
    return supervisor, Channel(reader, writer, decode_order), writer


async def test_both_ends_hear_each_other_and_the_end() -> None:
    supervisor, worker, _ = await pair()
    supervisor.send(Load(1, SERVED))
    supervisor.send(Tell(2))
    assert await worker.receive() == Load(1, SERVED)
    assert await worker.receive() == Tell(2)
    worker.send(Done(2))
    worker.close()
    assert await supervisor.receive() == Done(2)
    assert await supervisor.receive() is None
    supervisor.send(Tell(3))  # nobody is there: lost, and no error
    supervisor.close()


async def test_a_message_without_an_end_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.channel.LONGEST", 1000)
    supervisor, worker, writer = await pair()
    writer.write(b"x" * 5000)
    with pytest.raises(MessageError, match="more than"):
        await supervisor.receive()
    supervisor.close()
    worker.close()
