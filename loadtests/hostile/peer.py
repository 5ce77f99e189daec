"""One raw socket to the gateway: whatever bytes out, and what came back, counted."""

import contextlib
import socket
from types import TracebackType
from typing import Self

from loadtests.hostile.seen import Seen

_PIECE = 1 << 16
_PATIENCE = 10.0


class Peer:
    """A connection that minds nothing: `over` turns true when the gateway closed it, and it says so by counting."""

    def __init__(self, address: tuple[str, int], seen: Seen) -> None:
        self._seen = seen
        self._socket = socket.create_connection(address, timeout=_PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.over = False
        self.received = b""
        seen.add("connections")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Write it all, or find that the gateway has closed or stopped reading."""
        if self.over:
            return
        try:
            self._socket.sendall(data)
            self._seen.sent(len(data))
        except TimeoutError:
            self._end("not read any more")
        except OSError:
            self._end("closed by the gateway")

    def leave(self) -> None:
        """Close without a word, and with a reset where the system allows it."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._socket.close()
        self.over = True

    def listen(self, seconds: float = 0.0) -> bytes:
        """Take what has come, or what comes first within `seconds`."""
        if self.over:
            return b""
        self._socket.settimeout(seconds)
        try:
            data = self._socket.recv(_PIECE)
        except (TimeoutError, BlockingIOError):
            return b""
        except OSError:
            data = b""
        finally:
            self._socket.settimeout(_PATIENCE)
        if not data:
            self._end("closed by the gateway")
        self.received += data
        return data

    def listen_to_the_end(self, seconds: float) -> None:
        """Take everything until the gateway closes, or says nothing for `seconds`."""
        while self.listen(seconds):
            pass

    def _end(self, word: str) -> None:
        if not self.over:
            self._seen.add(word)
        self.over = True
