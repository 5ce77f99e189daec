"""`sluice serve`: the supervisor's main: sockets, metrics page, workers, commands, signals."""

import asyncio
import logging
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from gateway.config import ServeConfig
from gateway.supervisor.command_messages import Ended, Reload, Request
from gateway.supervisor.command_socket import listen
from gateway.supervisor.kept_values import kept_values_complaint
from gateway.supervisor.listeners import Listeners, check_free, open_listeners
from gateway.supervisor.reload import Reloader
from gateway.supervisor.rollouts import following
from gateway.supervisor.spares import Spares
from gateway.supervisor.state import Watcher
from gateway.supervisor.tables import Tables
from gateway.supervisor.turning import Say, Turning
from gateway.supervisor.workers import Workers
from monitoring.exposition import serve_metrics
from monitoring.metrics import SPARE_WORKERS
from monitoring.series import SeriesFile

log = logging.getLogger("sluice.serve")


def serve(config: ServeConfig, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises `PortTaken`, `StartFailed`, or `DeploymentError` when there is nothing that can be served.
    """
    log.info("starting", extra={"config": config.shown()})
    metrics = config.state / "metrics"
    listeners = open_listeners(config)
    try:
        check_free(config.host, config.metrics_port, "metrics")
        shutil.rmtree(metrics, ignore_errors=True)  # a new supervisor counts from nothing, as Prometheus expects
        metrics.mkdir(parents=True)
        server, thread = serve_metrics(metrics, config.host, config.metrics_port)
        try:
            asyncio.run(_supervise(config, listeners, ready))
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
    finally:
        listeners.close()
    print("stopped", flush=True)


async def _supervise(config: ServeConfig, listeners: Listeners, ready: Callable[[], None]) -> None:
    series = SeriesFile(config.state / "metrics", "supervisor")
    tables = Tables(config, series)
    tables.begin()
    spares = Spares(listeners, config.spare_workers, series.gauge(SPARE_WORKERS))
    workers = Workers(config, listeners, spares, tables.served)
    turning = Turning(workers, tables)
    commands = Commands(tables, workers, Reloader(config, tables, workers, turning))
    stop = asyncio.Event()

    def say_ready() -> None:
        for served in tables.served():
            tables.keep(served)
        ready()

    _heed_signals(stop, commands)
    looking = asyncio.create_task(kept_values_complaint(config.redis_url, tables.served()), name="kept-values")
    async with listen(config.state, commands.carry), following(config, tables, turning, workers, series):
        await workers.run(stop, say_ready)
    looking.cancel()


class Commands:
    """What can be asked of a supervisor that runs."""

    def __init__(self, tables: Tables, workers: Workers, reloader: Reloader) -> None:
        self._watcher = Watcher(tables, workers)
        self._reloader = reloader
        self._reloading: asyncio.Task[bool] | None = None

    async def carry(self, request: Request, say: Say) -> Ended:
        """Carry a command out; what was begun is ended also when whoever asked has left."""
        good = True
        if isinstance(request, Reload):
            good = await self._reloader.reload(request.forget, request.patience, say)
        return Ended(good, await self._watcher.look())

    def hang_up(self) -> None:
        """Reload, as SIGHUP asks for, and tell whoever reads the output."""
        request = Reload()
        reload = self._reloader.reload(request.forget, request.patience, lambda text: print(text, flush=True))
        self._reloading = asyncio.get_running_loop().create_task(reload, name="reload")
        self._reloading.add_done_callback(_tell_end)


def _tell_end(task: asyncio.Task[bool]) -> None:
    if task.cancelled():
        return
    if (failure := task.exception()) is not None:
        log.error("a reload failed", exc_info=failure)
    else:
        print("reloaded" if task.result() else "not everything was reloaded", flush=True)


def _heed_signals(stop: asyncio.Event, commands: Commands) -> None:
    loop = asyncio.get_running_loop()

    def begin_to_drain() -> None:
        stop.set()
        with suppress(OSError):  # whoever read our output may have gone, and we are to stop all the same
            print("\ndraining: what was accepted is answered", flush=True)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, begin_to_drain)
    # Of a terminal it is the word that the terminal has gone, and what ran in it ends.
    loop.add_signal_handler(signal.SIGHUP, begin_to_drain if sys.stdin.isatty() else commands.hang_up)
