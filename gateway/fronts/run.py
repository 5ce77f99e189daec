"""Chooses the pair of servers that a worker runs: the fast one, or the conservative one."""

import asyncio
import socket
from collections.abc import Callable

from gateway.fronts.application import FrontApplication
from gateway.fronts.desk import NO_DESK, Desk
from gateway.fronts.door import Door
from gateway.fronts.limits import FrontLimits
from gateway.fronts.serve_conservative import serve_conservative
from gateway.fronts.serve_h2corn import serve_h2corn
from gateway.fronts.tls import ServerTls


async def run_front(
    front: str,
    door: Door,
    grpc: socket.socket,
    http: socket.socket,
    stop: asyncio.Event,
    grace: float,
    ready: Callable[[], None],
    limits: FrontLimits | None = None,
    tls: ServerTls | None = None,
    desk: Desk = NO_DESK,
) -> None:
    """Serve the door until `stop`, then drain for up to `grace` seconds; with `tls`, over TLS and nothing else.

    `h2corn` speaks both protocols on both listeners. `conservative` serves HTTP on `http`, and gRPC on a socket of its
    own, bound by SO_REUSEPORT to the port that `grpc` has reserved without listening.
    """
    limits = limits or FrontLimits()
    app = FrontApplication(door, limits, desk=desk)
    if front == "conservative":
        await serve_conservative(app, http, _address(grpc), limits=limits, tls=tls, stop=stop, grace=grace, ready=ready)
    else:
        await serve_h2corn(app, (grpc, http), limits=limits, tls=tls, stop=stop, grace=grace, ready=ready)


def _address(reserved: socket.socket) -> str:
    host, port = reserved.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
