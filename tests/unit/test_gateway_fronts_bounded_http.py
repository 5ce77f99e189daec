"""uvicorn's protocol with ends, without a socket: bytes in, and whether the connection lives."""

import asyncio
import resource

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.fronts.asgi import Receive, Scope, Send
from gateway.fronts.bounded_http import BoundedHttp, end_overdue
from gateway.fronts.limits import FrontLimits

HEAD = b"POST /v1/deployments/fraud:predict HTTP/1.1\r\nhost: gateway\r\n"
WHOLE = HEAD + b"content-length: 2\r\n\r\n{}"


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.closing = True

    abort = close

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def connected() -> tuple[BoundedHttp, Wire]:
    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None)
    limits = FrontLimits(max_head_bytes=500, stall_seconds=10.0)
    connection, wire = BoundedHttp(limits, config=config, server_state=ServerState(), app_state={}), Wire()
    connection.connection_made(wire)
    return connection, wire


def later(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def until_idle(connection: BoundedHttp) -> None:
    await asyncio.wait(connection.tasks)


@pytest.mark.parametrize("start", [b"GET /", HEAD, HEAD + b"x-a: "])
async def test_a_head_without_end_is_refused(start: bytes) -> None:
    connection, wire = connected()
    connection.data_received(start)
    for _ in range(20):
        connection.data_received(b"a" * 30)
    assert wire.written.startswith(b"HTTP/1.1 431 ")
    assert wire.closing
    assert wire.written.count(b"HTTP/1.1") == 1
    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head


async def test_many_requests_are_not_one_long_head() -> None:
    connection, wire = connected()
    for _ in range(30):
        connection.data_received(WHOLE[:70])
        connection.data_received(WHOLE[70:])
        await until_idle(connection)
    assert wire.written.count(b"HTTP/1.1 200") == 30
    assert not wire.closing
    assert not connection.overdue(later(1000))


@pytest.mark.parametrize("begun", [b"", HEAD, HEAD + b"content-length: 2\r\n\r\n{", WHOLE + HEAD])
async def test_what_does_not_go_on_is_overdue(begun: bytes) -> None:
    connection, wire = connected()
    if begun:
        connection.data_received(begun)
    ended = []
    for seconds in (9.0, 11.0):
        end_overdue({connection}, later(seconds))
        ended.append(wire.closing)
    assert ended == [False, True]
    for task in connection.tasks:
        task.cancel()


async def test_a_dripping_head_is_overdue_although_it_goes_on() -> None:
    connection, _ = connected()
    connection.data_received(HEAD)
    begun = later(0.0)
    connection.data_received(b"x")
    assert connection.overdue(begun + 11.0)


@pytest.mark.parametrize(("files", "connections"), [(20_000, 10_000), (1024, 768), (256, 192), (10, 1)])
def test_connections_leave_files_to_the_worker(monkeypatch: pytest.MonkeyPatch, files: int, connections: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert FrontLimits().connections == connections
