"""One end of the socket between supervisor and worker: messages out, messages in, and the end of it all."""

import asyncio
import socket
from collections.abc import Callable
from typing import Generic, TypeVar

from gateway.messages import LONGEST, MessageError, Order, Report, encode

In = TypeVar("In")
Out = TypeVar("Out", bound=Order | Report)


class Channel(Generic[In, Out]):
    """Speaks over one stream. Nothing here waits for the other side to read: there are few messages, and small ones."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, decode: Callable[[bytes], In]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._decode = decode

    def send(self, message: Out) -> None:
        """Write a message; to an end that is closed it is lost, as `receive` will say."""
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def receive(self) -> In | None:
        """Return the next message, None at the end. Raises `MessageError`."""
        try:
            line = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        except asyncio.LimitOverrunError as exc:
            raise MessageError(f"a message of more than {LONGEST} bytes") from exc
        return self._decode(line)

    def close(self) -> None:
        """End it for both sides."""
        self._writer.close()


async def open_channel(sock: socket.socket, decode: Callable[[bytes], In]) -> Channel[In, Out]:
    """Take over one end of a socketpair."""
    reader, writer = await asyncio.open_unix_connection(sock=sock, limit=LONGEST)
    return Channel(reader, writer, decode)
