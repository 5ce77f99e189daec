"""The supervisor's ear: a Unix socket in the state directory, for commands from whoever may use that directory."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from gateway.supervisor.command_messages import LONGEST_REQUEST, Answer, Ended, Request, Said
from gateway.supervisor.turning import Say

log = logging.getLogger("sluice.commands")

FILE = "control.sock"
# Seconds that somebody who has connected may take to say what he wants; commands that may be heard at once.
PATIENCE, MOST = 5.0, 16

Carry = Callable[[Request, Say], Awaitable[Ended]]


@asynccontextmanager
async def listen(state: Path, carry: Carry) -> AsyncIterator[None]:
    """Hear commands while the block runs. A command that has begun is ended with it."""
    server = await asyncio.start_unix_server(Ear(carry).hear, sock=_bind(state), limit=LONGEST_REQUEST)
    try:
        yield
    finally:
        server.close()
        (state / FILE).unlink(missing_ok=True)


@contextmanager
def short_path(state: Path) -> Iterator[str]:
    """Yield an address of the socket that is short enough: the kernel takes no more than 107 bytes."""
    path = str(state / FILE)
    if len(os.fsencode(path)) < 100:
        yield path
        return
    directory = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{FILE}"
    finally:
        os.close(directory)


class Ear:
    """Takes one command a connection."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._heard = 0

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the command, carry it out, and say how it goes, until the end or until nobody listens any more."""
        self._heard += 1
        try:
            with contextlib.suppress(ConnectionError):
                await self._hear(reader, writer)
        except Exception:  # supervised: a defect costs this command, and is logged
            log.exception("a command failed")
        finally:
            self._heard -= 1
            writer.close()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            _write(writer, Said(text))

        try:
            async with asyncio.timeout(PATIENCE):
                line = await reader.readuntil(b"\n")
            if self._heard > MOST:
                raise ValueError("too many commands at once")
            request: Request = msgspec.json.decode(line, type=Request)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ValueError) as exc:
            say(f"this is no command: {exc}")
            ended = Ended(False)
        else:
            ended = await self._carry(request, say)
        _write(writer, ended)
        await writer.drain()


def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    if not writer.is_closing():
        writer.write(msgspec.json.encode(answer) + b"\n")


def _bind(state: Path) -> socket.socket:
    (state / FILE).unlink(missing_ok=True)  # of a gateway that was killed: the state's lock says that it is gone
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(sock.fileno(), 0o600)  # before it has a name, so that there is no moment in which others may
        with short_path(state) as path:
            sock.bind(path)
        (state / FILE).chmod(0o600)
    except OSError:
        sock.close()
        raise
    return sock
