"""Lets connections that h2corn has closed end in peace: what was answered reaches a caller who is still sending.

h2corn closes a connection as soon as its last answer is written. Whoever sends one more call at that moment is sent a
reset for it, and loses the answers that it has not read yet: 9 of 2,260 drains lost some of a gRPC client's. So a
second descriptor of each connection outlives h2corn's, as RFC 9112 §9.6 wants it: the end is said at once, and what
still comes is read and thrown away until the caller has closed too.
"""

import asyncio
import os
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress

LINGER = 0.2
"""Seconds that a caller gets to close: many never do before they have another call."""
_LOOK_EVERY = 1e-4
"""Seconds for each connection from one look at all of them to the next: a look costs about 2 µs for each."""
_LEAST_PAUSE = 0.01
_CHUNK = 1 << 16


class Lingering:
    """The connections that were open when a drain began. Linux only: it finds them in /proc."""

    def __init__(self, listeners: Sequence[socket.socket]) -> None:
        self._held = _connections({listener.getsockname()[1] for listener in listeners})

    async def until(self, served: "asyncio.Task[None]") -> None:
        """End every connection once the server has let go of it; return when it has of all, and callers have closed."""
        ending: list[asyncio.Task[None]] = []
        try:
            while self._held:
                over = served.done()
                ending += [asyncio.create_task(_end(held)) for held in self._released(all_of_them=over)]
                await asyncio.wait({served}, timeout=max(_LEAST_PAUSE, len(self._held) * _LOOK_EVERY))
            if ending:
                await asyncio.wait(ending)
        finally:
            for _, held in self._held.values():
                held.close()

    def _released(self, all_of_them: bool) -> list[socket.socket]:
        gone = [fd for fd, (inode, _) in self._held.items() if all_of_them or _inode(fd) != inode]
        return [self._held.pop(fd)[1] for fd in gone]


async def _end(held: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with held, suppress(OSError, TimeoutError):  # the caller has closed, or never will
        held.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(LINGER):
            while await loop.sock_recv(held, _CHUNK):
                pass


def _connections(ports: set[int]) -> dict[int, tuple[int, socket.socket]]:
    """Return by descriptor the inode, and a descriptor of our own, of every connection to one of these local ports."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if (inode := _inode(fd)) is None:
            continue
        with suppress(OSError):
            held = socket.socket(fileno=os.dup(fd))
            if _is_connection(held, ports):
                held.setblocking(False)
                found[fd] = (inode, held)
            else:
                held.close()
    return found


def _is_connection(held: socket.socket, ports: set[int]) -> bool:
    if held.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    try:
        held.getpeername()
    except OSError:  # a listener
        return False
    return held.getsockname()[1] in ports


def _inode(fd: int) -> int | None:
    """Return which socket a descriptor is; None if it is none, or is closed."""
    try:
        found = os.fstat(fd)
    except OSError:
        return None
    return found.st_ino if stat.S_ISSOCK(found.st_mode) else None
