"""One worker process: reads its config from standard input, assembles its parts, runs a front, drains on SIGTERM.

`python -m gateway.worker SLOT GRPC_FD HTTP_FD`, started by the supervisor, which reads "ready" from its output.
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
from gateway.config import ConfigError, ServeConfig
from gateway.deployment import DeploymentError
from gateway.features.plan import PlanError
from gateway.fronts.run import run_front
from gateway.processes import die_with_parent, run_in_batches
from gateway.workers import READY
from models.manifest import BundleError
from monitoring.log import configure

log = logging.getLogger("sluice.worker")

_told_ready = threading.Event()

CANNOT_START = (BackendError, BundleError, ConfigError, DeploymentError, OSError, PlanError, ValueError)


def main(slot: int, grpc_fd: int, http_fd: int) -> int:
    """Run the worker; return its exit status."""
    die_with_parent()
    run_in_batches()
    config = ServeConfig.from_json(sys.stdin.buffer.read())
    configure(config.log_level)
    try:
        uvloop.run(work(config, slot, socket.socket(fileno=grpc_fd), socket.socket(fileno=http_fd)))
    except CANNOT_START as exc:
        what = "failed" if _told_ready.is_set() else "cannot start"
        print(f"sluice: worker {slot} {what}: {exc}", file=sys.stderr)
        return 1
    return 0


async def work(config: ServeConfig, slot: int, grpc: socket.socket, http: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was accepted."""
    stop = asyncio.Event()
    if config.tls is not None:
        config.tls.check()  # again: the files may have been renewed since the supervisor looked
    gateway = await assemble(config, slot)
    _quieten_gc()

    def begin_to_drain() -> None:
        gateway.door.stop()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, begin_to_drain)
    try:
        await run_front(config.front, gateway.door, grpc, http, stop, config.grace, _say_ready, tls=config.tls)
    finally:
        await gateway.close()


def _quieten_gc() -> None:
    """Keep what was loaded out of every collection from now on, and collect the rest more seldom: both are pauses."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _say_ready() -> None:
    _told_ready.set()
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
