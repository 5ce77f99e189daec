"""Serves a door over real sockets on free ports, in the running loop: for tests with clients that others wrote."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.fronts.desk import NO_DESK, Desk
from gateway.fronts.door import Door
from gateway.fronts.limits import FrontLimits
from gateway.fronts.run import run_front
from gateway.fronts.tls import ServerTls

_HOST = "127.0.0.1"
_GRACE = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class ServedFront:
    """Where the front listens. Setting `stop` begins the drain; `done` is the server, finished when drained."""

    grpc: str
    http: str
    stop: asyncio.Event
    done: asyncio.Task[None]


@asynccontextmanager
async def served_front(
    front: str, door: Door, limits: FrontLimits | None = None, tls: ServerTls | None = None, desk: Desk = NO_DESK
) -> AsyncIterator[ServedFront]:
    """Serve `door` by the front of that name until the block ends, in clear text or over TLS."""
    grpc, http = _listener(reserve=front == "conservative"), _listener()
    stop, ready = asyncio.Event(), asyncio.Event()
    done = asyncio.create_task(run_front(front, door, grpc, http, stop, _GRACE, ready.set, limits, tls, desk))
    waiting = asyncio.create_task(ready.wait())
    try:
        grpc_port, http_port = grpc.getsockname()[1], http.getsockname()[1]
        await asyncio.wait({done, waiting}, return_when=asyncio.FIRST_COMPLETED)
        yield ServedFront(f"{_HOST}:{grpc_port}", f"{'https' if tls else 'http'}://{_HOST}:{http_port}", stop, done)
    finally:
        waiting.cancel()
        stop.set()
        await done
        grpc.close()
        http.close()


def _listener(reserve: bool = False) -> socket.socket:
    sock = socket.socket()
    if reserve:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((_HOST, 0))
    if not reserve:
        sock.listen()
        sock.setblocking(False)
    return sock
