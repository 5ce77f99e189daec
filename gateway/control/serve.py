"""`sluice control`: puts the control plane together, and serves it until SIGTERM or SIGINT."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.control.config import ControlConfig
from gateway.control.files import Files
from gateway.control.fronts import serve_fronts
from gateway.control.leading import lead
from gateway.supervisor.listeners import check_free, listen_on
from routing.control.client import open_control
from routing.control.desk import Desk
from routing.control.leader import Leader
from routing.control.looks import Looks
from routing.control.metric_sources import MetricSources
from routing.control.plane import Plane
from routing.control.redis_feed import RedisFeed
from routing.control.redis_notes import RedisNotes
from routing.control.redis_store import RedisStore
from routing.control.shared_clock import SharedClock
from routing.control.web import HttpWeb


def serve_control(config: ControlConfig, ready: Callable[[], None]) -> None:
    """Serve until told to stop. `ready` is called once both ports are answered.

    Raises `PortTaken`, `ControlError` when the control Redis is away or may forget, `DeploymentError` and
    `PrincipalsError` when a file is broken.
    """
    asyncio.run(_serve(config, ready))


async def _serve(config: ControlConfig, ready: Callable[[], None]) -> None:
    files = Files(config.models, config.principals)
    check_free(config.host, config.grpc_port, "control-grpc")
    client = open_control(config.control_url)
    try:
        store = RedisStore(client)
        await store.check()
        feed = RedisFeed(client)
        clock = SharedClock(feed)
        plane = Plane(store, feed, RedisNotes(client), files, clock)
        async with _sources(config) as sources:
            await _run(config, plane, clock, sources, ready)
    finally:
        await client.aclose()


@asynccontextmanager
async def _sources(config: ControlConfig) -> AsyncIterator[MetricSources]:
    """Ask what is declared outside while the block runs."""
    web = HttpWeb()
    sources = MetricSources(web, time.time, config.prometheus)
    asking = asyncio.create_task(sources.run(), name="ask sources")
    try:
        yield sources
    finally:
        asking.cancel()
        await asyncio.wait([asking])
        await web.close()


async def _run(
    config: ControlConfig, plane: Plane, clock: SharedClock, sources: MetricSources, ready: Callable[[], None]
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    looks = Looks(plane)
    leader = Leader(f"{os.uname().nodename}.{os.getpid()}", plane, sources.weigh)
    http_socket = listen_on(config.host, config.http_port, "control-http")
    host = f"[{config.host}]" if ":" in config.host else config.host
    leading = asyncio.create_task(lead(leader, clock, stop), name="lead")
    try:
        await serve_fronts(
            Desk(plane, looks),
            looks,
            http_socket,
            f"{host}:{config.grpc_port}",
            tls=config.tls,
            stop=stop,
            ready=lambda port: ready(),
        )
    finally:
        stop.set()
        await leading
