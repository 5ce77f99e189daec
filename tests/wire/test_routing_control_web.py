"""Questions over HTTP, against servers that are slow, endless, or would send us elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from routing.control.web import LARGEST, HttpWeb, WebError

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[[Script], Awaitable[str]]


@pytest.fixture
async def web() -> AsyncIterator[HttpWeb]:
    made = HttpWeb()
    yield made
    await made.close()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Yield what starts a server of a script and returns its address."""
    servers: list[asyncio.Server] = []

    async def start(script: Script) -> str:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                await script(reader, writer)
                await writer.drain()
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        servers.append(await asyncio.start_server(talk, "127.0.0.1", 0))
        return f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}/"

    yield start
    for server in servers:
        server.close()


def saying(*lines: str, body: bytes = b"") -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join([*lines, f"content-length: {len(body)}", "connection: close", "", ""]).encode() + body)

    return script


async def test_an_answer_comes_whole_with_its_status(web: HttpWeb, serve: Serve) -> None:
    url = await serve(saying("HTTP/1.1 422 Unprocessable", body=b"why"))
    assert await web.post(url, b"query=x", "text/plain") == (422, b"why")


async def test_nobody_is_sent_elsewhere(web: HttpWeb, serve: Serve) -> None:
    asked: list[str] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append("elsewhere")

    url = await serve(saying("HTTP/1.1 307 Moved", f"location: {await serve(elsewhere)}"))
    assert (await web.post(url, b"", "text/plain")).status == 307
    assert asked == []


async def test_an_endless_answer_is_none(web: HttpWeb, serve: Serve) -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()
            sent += 4096

    with pytest.raises(WebError, match=f"larger than {LARGEST} bytes"):
        await web.post(await serve(endless), b"", "text/plain")
    assert sent < 1 << 25, "it was not read to the end"


async def test_who_drips_is_left_at_once_when_the_time_is_over(web: HttpWeb, serve: Serve) -> None:
    left = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            await reader.read()
        finally:
            left.set()

    asking = asyncio.create_task(web.post(await serve(drip), b"", "text/plain"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asking
    async with asyncio.timeout(5.0):
        await left.wait()


async def test_where_nobody_listens_it_says_so_without_the_address(web: HttpWeb, unused_port: int) -> None:
    with pytest.raises(WebError, match="it cannot be reached") as caught:
        await web.post(f"http://user:secret@127.0.0.1:{unused_port}/", b"", "text/plain")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://[::1", "http://a\x00b/", "http://" + "a" * 300, "http://xn--\u0000/"])
async def test_an_address_that_is_none_is_a_web_error(web: HttpWeb, url: str) -> None:
    with pytest.raises(WebError):
        await web.post(url, b"", "text/plain")


@pytest.fixture
async def unused_port() -> int:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port
