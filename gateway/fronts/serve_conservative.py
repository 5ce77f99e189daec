"""Runs the conservative pair in a worker: uvicorn for HTTP on an inherited listener, grpc.aio on a port of its own."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import grpc
import uvicorn

from gateway.fronts.application import FrontApplication
from gateway.fronts.bounded_http import BoundedHttp, end_overdue
from gateway.fronts.limits import FrontLimits
from gateway.fronts.tls import ServerTls
from gateway.pem import read_pem

_KEEP_ALIVE = 120
_TICKS_BETWEEN_LOOKS = 10  # of uvicorn's, which are a tenth of a second


class HttpServer(uvicorn.Server):
    """uvicorn inside a worker: signals are the worker's own, and `listening` says when callers are answered."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_BETWEEN_LOOKS == 0:
            end_overdue(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)


async def serve_conservative(
    app: FrontApplication,
    http_socket: socket.socket,
    grpc_address: str,
    *,
    limits: FrontLimits,
    tls: ServerTls | None,
    stop: asyncio.Event,
    grace: float,
    ready: Callable[[], None],
) -> None:
    """Serve until `stop`, then drain both: no new connections, what was accepted is answered within `grace` seconds.

    `grpc_address` is bound here with SO_REUSEPORT; RuntimeError says that it is taken. The listening `http_socket`
    is closed when the drain begins. `ready` is called once both are answered.
    """
    grpc_server = app.grpc_server()
    bind_grpc(grpc_server, grpc_address, tls)
    await grpc_server.start()
    http_server = HttpServer(http_config(app, limits, grace, tls))
    serving = asyncio.create_task(http_server.serve([http_socket]), name="uvicorn")
    try:
        await first_of(serving, http_server.listening)
        if http_server.listening.is_set():
            ready()
            await first_of(serving, stop)
    finally:
        app.close()
        http_server.should_exit = True
        await asyncio.gather(grpc_server.stop(grace), serving)


async def first_of(serving: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait for the event, or for the server to end before it."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def bind_grpc(server: grpc.aio.Server, address: str, tls: ServerTls | None) -> int:
    """Bind a server that has not started yet; return its port. Raises `RuntimeError` when it is taken."""
    if tls is None:
        return server.add_insecure_port(address)
    authorities = None if tls.client_ca is None else read_pem(tls.client_ca)
    pair = (read_pem(tls.key), read_pem(tls.certificate))
    return server.add_secure_port(address, grpc.ssl_server_credentials([pair], authorities, tls.client_ca is not None))


def http_config(app: Callable[..., Any], limits: FrontLimits, grace: float, tls: ServerTls | None) -> uvicorn.Config:
    """Return uvicorn's settings: bounded heads and bodies, no access log, TLS if there is any."""
    return uvicorn.Config(
        app,
        interface="asgi3",  # what the application returns is a coroutine, but it is not declared as one
        http=cast(type[asyncio.Protocol], partial(BoundedHttp, limits)),  # uvicorn calls it and asks no more of it
        limit_concurrency=limits.connections,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="error",  # a warning for every broken request would be a log that strangers can fill
        ssl_context_factory=None if tls is None else lambda _config, _default: tls.context(),
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        # uvicorn's own limit is whole seconds: rounded up, so that nothing accepted is cut short.
        timeout_graceful_shutdown=max(1, round(grace + 0.5)),
    )
