"""The generator against a real server in this process: good answers give a rate, everything else gives reasons."""

import asyncio
import math
import socket
import socketserver
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import h2corn
import msgspec
import pytest

from loadtests import generator, h2load
from loadtests.cases import Case
from loadtests.cross_check import CrossCheck
from loadtests.dialect import DIALECTS, Target, dialect, requests
from loadtests.generator import Load, generate
from loadtests.progress import line
from loadtests.tally import Report, Tally
from protos.sluice.v1.prediction_pb2 import Prediction, PredictRequest, PredictResponse

CASES = [Case({"card_id": number}, {"amount": 1.0}) for number in range(500)]
SHORT = Load(connections=3, warm_up=0.05, seconds=0.25, grace=0.2)
H2LOAD_PRINTS = """\
finished in 1.00s, 1000.00 req/s, 1MB/s
requests: 1000 total, 1000 started, 1000 done, 1000 succeeded, 0 failed, 0 errored, 0 timeout"""
Handler = Callable[[socket.socket], object]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Gateway:
    """Answers both protocols; what it answers is what a test sets."""

    def __init__(self) -> None:
        self.grpc_status = "0"
        self.http_status = 200
        self.score = 0.25
        self.wrong_id = False
        self.body: bytes | None = None
        self.answers_after = math.inf
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await read(receive)
        self.asked += 1
        if self.asked > self.answers_after:
            await asyncio.Event().wait()
        await (self._grpc if scope["path"].startswith("/sluice.") else self._json)(body, send)

    async def _grpc(self, body: bytes, send: Send) -> None:
        asked = PredictRequest.FromString(body[5:]).request_id
        prediction = Prediction(outputs={"score": self.score}, decision="approve", arm="champion", bundle_version="1")
        message = PredictResponse(request_id=self._id(asked), prediction=prediction).SerializeToString()
        whole = b"\0" + len(message).to_bytes(4, "big") + message
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        await send({"type": "http.response.body", "body": whole if self.body is None else self.body})
        await send({"type": "http.response.trailers", "headers": [(b"grpc-status", self.grpc_status.encode())]})

    async def _json(self, body: bytes, send: Send) -> None:
        asked = msgspec.json.decode(body).get("request_id", "")
        prediction = {"outputs": {"score": self.score}, "decision": "approve", "arm": "champion", "bundle_version": "1"}
        whole = msgspec.json.encode({"request_id": self._id(asked), "prediction": prediction})
        whole = whole if self.body is None else self.body
        headers = [(b"content-length", b"%d" % len(whole)), (b"x-request-id", b"%d" % self.asked)]
        await send({"type": "http.response.start", "status": self.http_status, "headers": headers})
        await send({"type": "http.response.body", "body": whole})

    def _id(self, asked: str) -> str:
        return "another" if self.wrong_id else asked or "chosen"


async def read(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    return body


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[int]:
    """Serve the gateway on loopback; yield its port."""
    config = h2corn.Config(bind=("127.0.0.1:0",), grpc=True, access_log=False, timeout_graceful_shutdown=0.2)
    server = h2corn.Server(gateway, config)
    task = asyncio.create_task(server.serve())
    await server.wait_started()
    try:
        yield int(server.addresses[0].rpartition(":")[2].rstrip("/"))
    finally:
        server.shutdown()
        await task


async def run(name: str, gateway: Gateway, load: Load = SHORT) -> Report:
    async with serving(gateway) as port:
        spoken = dialect(name, Target("127.0.0.1", port))
        return await asyncio.to_thread(generate, load, spoken, ("127.0.0.1", port), requests(spoken, CASES))


def run_against(handle: Handler, name: str) -> Report:
    """Run against a plain server that ends a connection when `handle` returns, without request ids."""

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            handle(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        host, port = "127.0.0.1", server.socket.getsockname()[1]
        spoken = dialect(name, Target(host, port))
        try:
            return generate(SHORT, spoken, (host, port), [spoken.encode(case, "") for case in CASES])
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("name", DIALECTS)
async def test_good_answers_give_a_rate(name: str) -> None:
    gateway = Gateway()
    report = await run(name, gateway)
    assert report.rate is not None, report.reasons()
    assert report.rate > 50
    assert 0 < report.tally.good <= gateway.asked
    assert report.quantile(0.5) is not None
    assert report.processor_seconds["generator"] > 0
    assert 50 < report.entity_sets <= len(CASES)


@pytest.mark.parametrize("name", ["grpc", "http2"])
async def test_several_calls_share_a_connection(name: str) -> None:
    report = await run(name, Gateway(), Load(connections=2, streams=8, warm_up=0.05, seconds=0.25))
    assert report.rate is not None, report.reasons()


@pytest.mark.parametrize(
    ("name", "wrong", "fault"),
    [
        ("grpc", {"grpc_status": "8"}, "grpc-status 8"),
        ("http", {"http_status": 429}, "HTTP 429"),
        ("http2", {"http_status": 503}, "HTTP 503"),
        ("grpc", {"score": 7.0}, "score outside its contract"),
        ("http", {"score": 7.0}, "score outside its contract"),
        ("grpc", {"wrong_id": True}, "wrong request id"),
        ("http", {"wrong_id": True}, "wrong request id"),
        ("grpc", {"body": b"\0\0\0\0\2\x0a\x09"}, "not a PredictResponse"),
        ("http", {"body": b"{}"}, "not an answer in JSON"),
    ],
)
async def test_wrong_answers_give_no_rate_but_the_reason(name: str, wrong: dict[str, Any], fault: str) -> None:
    gateway = Gateway()
    for setting, value in wrong.items():
        setattr(gateway, setting, value)
    report = await run(name, gateway)
    assert report.rate is None
    assert fault in report.tally.faults
    assert f"× {fault}" in report.reasons()[0]


@pytest.mark.parametrize("name", DIALECTS)
async def test_calls_that_are_never_answered_are_counted(name: str) -> None:
    gateway = Gateway()
    gateway.answers_after = 20
    report = await run(name, gateway)
    assert report.tally.faults["unanswered"] == SHORT.connections
    assert report.rate is None


def test_a_server_that_hangs_up_is_not_stormed() -> None:
    greeted: list[socket.socket] = []
    report = run_against(greeted.append, "grpc")
    assert len(greeted) == SHORT.connections
    assert report.rate is None
    assert report.reasons()[-1] == "3 of 3 connections lost for good"


def test_a_server_that_closes_after_every_answer_is_followed() -> None:
    prediction = {"outputs": {"score": 0.5}, "decision": "a", "arm": "canary", "bundle_version": "c"}
    body = msgspec.json.encode({"request_id": "chosen", "prediction": prediction})

    def answer_once(connection: socket.socket) -> None:
        if connection.recv(65536):
            head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
            connection.sendall(head + body)

    report = run_against(answer_once, "http")
    assert report.rate is not None, report.reasons()


async def test_h2load_is_a_second_opinion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "h2load"
    program.write_text(f"#!/bin/sh\necho '{H2LOAD_PRINTS}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert h2load.available()
    gateway = Gateway()
    async with serving(gateway) as port:
        spoken = dialect("grpc", Target("127.0.0.1", port))
        check = CrossCheck(Load(connections=2, warm_up=0.05, seconds=0.2), 1000, tmp_path)
        assert check.summary() == "No cross-check against h2load: not run."
        await asyncio.to_thread(check.run, spoken, ("127.0.0.1", port), spoken.encode(CASES[0], ""))
        assert "h2load 1,000 (" in check.summary(), check.trouble
        gateway.score = 7.0
        check.pairs.clear()
        await asyncio.to_thread(check.run, spoken, ("127.0.0.1", port), spoken.encode(CASES[0], ""))
        assert "score outside its contract" in check.summary()


async def test_a_run_tells_how_it_goes_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "EVERY", 0.1)
    gateway, told = Gateway(), list[tuple[float, float, Tally]]()

    def progress(elapsed: float, seconds: float, part: Tally) -> None:
        told.append((elapsed, seconds, part))
        gateway.grpc_status = "8"  # from now on

    async with serving(gateway) as port:
        spoken = dialect("grpc", Target("127.0.0.1", port))
        calls = requests(spoken, CASES)
        report = await asyncio.to_thread(
            generate, SHORT, spoken, ("127.0.0.1", port), calls, None, 7, progress
        )  # fmt: skip
    first, last = told[0][2], told[-1][2]
    assert len(told) == 2, "0.1 s, and the 0.15 that are left"
    assert (told[-1][0], sum(seconds for _, seconds, _ in told)) == (report.seconds, pytest.approx(report.seconds))
    assert (first.good > 0, first.faults, last.faults["grpc-status 8"] > 0) == (True, {}, True)
    assert sum(part.good for *_, part in told) == report.tally.good
    assert line(5.0, 2.5, first).startswith(f"    5 s: {first.good:,} calls, {first.good / 2.5:,.0f}/s, 0 failed, p99 ")
    assert f"{last.faults['grpc-status 8']:,} failed (grpc-status 8), no p99" in line(5.0, 2.5, last)
    assert line(5.0, 5.0, Tally()) == "    5 s: 0 calls, 0/s, 0 failed, no p99"


async def test_a_run_whose_connections_are_all_lost_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "EVERY", 0.1)
    told: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as gone:
        place = ("127.0.0.1", gone.getsockname()[1])
        spoken = dialect("grpc", Target(*place))

        def hang_up() -> None:
            for _ in range(SHORT.connections):
                gone.accept()[0].close()
            gone.close()

        hanging = threading.Thread(target=hang_up)
        hanging.start()
        report = await asyncio.to_thread(
            generate, Load(3, 1, 0.0, 600.0, 0.0), spoken, place, requests(spoken, CASES), None, 7,
            lambda elapsed, seconds, part: told.append(elapsed),
        )  # fmt: skip
        hanging.join()
    assert report.lost_connections == 3
    assert len(told) <= 10


async def test_a_server_that_is_not_there_is_an_error() -> None:
    spoken = dialect("grpc", Target("127.0.0.1", 1))
    with pytest.raises(OSError, match="refused"):
        generate(SHORT, spoken, ("127.0.0.1", 1), requests(spoken, CASES))
