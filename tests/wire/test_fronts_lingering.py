"""What becomes of connections at the end of a drain, seen from a raw socket."""

import asyncio
import socket

import pytest

from gateway.fronts import lingering
from gateway.testing.scripted_door import ScriptedDoor
from gateway.testing.served_front import served_front

ASK = b"GET /healthz HTTP/1.1\r\nhost: sluice\r\n\r\n"


async def test_a_caller_who_goes_on_sending_is_told_the_end_and_sent_no_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LINGER", 60.0)
    async with served_front("h2corn", ScriptedDoor()) as served:
        caller = await _connected(served.http)
        with caller:
            await _ask(caller)
            served.stop.set()
            loop = asyncio.get_running_loop()
            assert await loop.sock_recv(caller, 1 << 16) == b""
            for _ in range(3):  # the first one would be sent a reset, and the second one meet it
                await loop.sock_sendall(caller, ASK)
            assert await loop.sock_recv(caller, 1 << 16) == b""
            assert not served.done.done()
        async with asyncio.timeout(20):
            await served.done


async def test_a_caller_who_never_closes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LINGER", 0.01)
    async with served_front("h2corn", ScriptedDoor()) as served:
        caller = await _connected(served.http)
        with caller:
            await _ask(caller)
            served.stop.set()
            async with asyncio.timeout(20):
                await served.done


async def _connected(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    caller = socket.socket()
    caller.setblocking(False)
    await asyncio.get_running_loop().sock_connect(caller, (host, int(port)))
    return caller


async def _ask(caller: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(caller, ASK)
    assert (await loop.sock_recv(caller, 1 << 16)).startswith(b"HTTP/1.1 200")
