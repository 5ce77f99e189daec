"""One worker process: hears from the supervisor what to be, assembles its parts, runs a front, drains on SIGTERM.

`python -m gateway.worker CHANNEL_FD GRPC_FD HTTP_FD`, started by the supervisor, which speaks over CHANNEL_FD.
"""

import asyncio
import gc
import logging
import signal
import socket
import sys
import threading

import uvloop

from gateway.assembly import assemble
from gateway.backends.backend import BackendError
from gateway.channel import Channel, open_channel
from gateway.config import ConfigError
from gateway.deployment import DeploymentError
from gateway.features.plan import PlanError
from gateway.fronts.limits import FrontLimits
from gateway.fronts.run import run_front
from gateway.messages import MessageError, Order, Ready, Report, Start, decode_order
from gateway.orders import Orders
from gateway.processes import die_with_parent, run_in_batches, set_name
from models.manifest import BundleError
from monitoring.log import configure

log = logging.getLogger("sluice.worker")

WORKER_NAME = "sluice-worker"  # as the load tests look for it

_told_ready = threading.Event()

CANNOT_START = (BackendError, BundleError, ConfigError, DeploymentError, OSError, PlanError, ValueError)


def main(channel_fd: int, grpc_fd: int, http_fd: int) -> int:
    """Run the worker; return its exit status."""
    die_with_parent()
    run_in_batches()
    try:
        uvloop.run(work(*(socket.socket(fileno=fd) for fd in (channel_fd, grpc_fd, http_fd))))
    except CANNOT_START as exc:
        what = "failed" if _told_ready.is_set() else "cannot start"
        print(f"sluice: a worker {what}: {exc}", file=sys.stderr)
        return 1
    return 0


async def work(supervisor: socket.socket, grpc: socket.socket, http: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, or until the supervisor is gone, then answer what was accepted."""
    channel: Channel[Order, Report] = await open_channel(supervisor, decode_order)
    start = await channel.receive()
    if not isinstance(start, Start):
        raise MessageError("the first order is not what to start with")
    config = start.config
    set_name(WORKER_NAME)
    configure(config.log_level)
    stop = asyncio.Event()
    if config.tls is not None:
        config.tls.check()  # again: the files may have been renewed since the supervisor looked
    gateway = await assemble(config, start.slot, start.served)
    _quieten_gc()

    def begin_to_drain() -> None:
        gateway.door.stop()
        stop.set()

    def say_ready() -> None:
        _told_ready.set()
        channel.send(Ready())

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, begin_to_drain)
    obeying = asyncio.create_task(Orders(channel, gateway.deployments, begin_to_drain).obey(), name="orders")
    try:
        limits = FrontLimits(max_calls=config.calls_at_once)
        door, desk = gateway.door, gateway.later.desk
        await run_front(config.front, door, grpc, http, stop, config.grace, say_ready, limits, config.tls, desk)
    finally:
        await gateway.close()
        obeying.cancel()
        await asyncio.wait([obeying])
        channel.close()


def _quieten_gc() -> None:
    """Keep what was loaded out of every collection from now on, and collect the rest more seldom: both are pauses."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
