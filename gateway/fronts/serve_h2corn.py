"""Runs the fast front in a worker: h2corn on inherited listeners, gRPC and HTTP on every one of them."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace

import h2corn

from gateway.fronts.application import FrontApplication
from gateway.fronts.limits import FrontLimits
from gateway.fronts.lingering import Lingering
from gateway.fronts.tls import ServerTls


async def serve_h2corn(
    app: FrontApplication,
    sockets: Sequence[socket.socket],
    *,
    limits: FrontLimits,
    tls: ServerTls | None,
    stop: asyncio.Event,
    grace: float,
    ready: Callable[[], None],
) -> None:
    """Serve until `stop`, then drain: no new connections, callers told to go, what was accepted is answered.

    A connection ends when its caller has closed it too, or has had the time to.

    The sockets must listen already; they are closed when the drain begins, so that nobody waits in a queue that nobody
    empties. `ready` is called once they are answered.
    """
    server = h2corn.Server(app, _secured(_config(sockets, limits, grace), tls))
    serving = asyncio.create_task(server.serve(), name="h2corn")
    stopping = asyncio.create_task(stop.wait(), name="h2corn-stop")
    try:
        await server.wait_started()
        ready()
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        app.close()
        lingering = Lingering(sockets)
        server.shutdown()
        for listener in sockets:
            listener.close()
        await lingering.until(serving)
        await serving


def _secured(config: h2corn.Config, tls: ServerTls | None) -> h2corn.Config:
    """Add TLS, 1.2 or newer; the server offers h2 and http/1.1 by ALPN on every listener."""
    if tls is None:
        return config
    shown = replace(config, certfile=tls.certificate, keyfile=tls.key)
    return shown if tls.client_ca is None else replace(shown, ca_certs=tls.client_ca, cert_reqs="required")


def _config(sockets: Sequence[socket.socket], limits: FrontLimits, grace: float) -> h2corn.Config:
    # The application counts bodies and refuses them with our own errors. Flow control keeps what it has not yet read
    # below one window, so the server's own limit, which would break the call off without a word, is never met first.
    window = max(2 * limits.max_body_bytes, 1 << 16)
    return h2corn.Config(
        bind=tuple(f"fd://{listener.fileno()}" for listener in sockets),
        lifespan="off",
        grpc=True,
        access_log=False,
        log_format="json",
        timeout_graceful_shutdown=grace,
        limit_connections=limits.connections,
        max_concurrent_streams=limits.max_streams,
        limit_concurrency=limits.max_calls,
        limit_request_line=limits.max_head_bytes,
        limit_request_head_size=limits.max_head_bytes,
        limit_request_field_size=limits.max_head_bytes,
        h2_max_header_list_size=limits.max_head_bytes,
        h2_max_header_block_size=limits.max_head_bytes,
        timeout_request_header=limits.stall_seconds,
        timeout_request_body_idle=limits.stall_seconds,
        h2_timeout_response_stall=limits.stall_seconds,
        h2_initial_stream_window_size=window,
        h2_initial_connection_window_size=4 * window,
        request_policies=tuple(
            h2corn.RequestPolicy(
                path=f"/{service}/*",
                max_request_body_size=limits.max_body_bytes + 2 * window,
                timeout_request_body_idle=limits.stall_seconds,
                h2_timeout_response_stall=limits.stall_seconds,
            )
            for service in ("sluice.v1.Predictions", "grpc.health.v1.Health", "inference.GRPCInferenceService")
        ),
    )
