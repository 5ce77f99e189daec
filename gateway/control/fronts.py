"""Serves both fronts of the control process, gRPC by grpc.aio and HTTP by uvicorn, until it is told to stop."""

import asyncio
import socket
from collections.abc import Callable

from gateway.control.grpc_front import MOST_CALLS, grpc_server
from gateway.control.http_front import http_app
from gateway.fronts.limits import FrontLimits
from gateway.fronts.serve_conservative import HttpServer, bind_grpc, first_of, http_config
from gateway.fronts.tls import ServerTls
from routing.control.desk import MOST_BYTES, Desk
from routing.control.looks import Looks

GRACE = 2.0
"""Seconds that orders which were accepted have to be answered in."""
LIMITS = FrontLimits(max_body_bytes=MOST_BYTES, max_connections=MOST_CALLS)


async def serve_fronts(
    desk: Desk,
    looks: Looks,
    http_socket: socket.socket,
    grpc_address: str,
    *,
    tls: ServerTls | None,
    stop: asyncio.Event,
    ready: Callable[[int], None],
) -> None:
    """Serve until `stop`. `ready` is called with gRPC's port once both are answered.

    `grpc_address` is bound here; RuntimeError says that it is taken. The listening `http_socket` is closed at the end.
    """
    server = await grpc_server(desk)
    port = bind_grpc(server, grpc_address, tls)
    await server.start()
    http = HttpServer(http_config(http_app(desk, looks), LIMITS, GRACE, tls))
    serving = asyncio.create_task(http.serve([http_socket]), name="uvicorn")
    try:
        await first_of(serving, http.listening)
        if http.listening.is_set():
            ready(port)
            await first_of(serving, stop)
    finally:
        looks.close()
        http.should_exit = True
        await asyncio.gather(server.stop(GRACE), serving)
