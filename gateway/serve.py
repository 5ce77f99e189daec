"""`sluice serve`: the supervisor's main: sockets, metrics page, workers, signals."""

import asyncio
import logging
import shutil
import signal
from collections.abc import Callable

from gateway.config import ServeConfig
from gateway.listeners import check_free, open_listeners
from gateway.workers import Workers
from monitoring.exposition import serve_metrics

log = logging.getLogger("sluice.serve")


def serve(config: ServeConfig, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain. Raises `PortTaken` and `StartFailed`."""
    log.info("starting", extra={"config": config.shown()})
    metrics = config.state / "metrics"
    listeners = open_listeners(config)
    try:
        check_free(config.host, config.metrics_port, "metrics")
        shutil.rmtree(metrics, ignore_errors=True)  # a new supervisor counts from nothing, as Prometheus expects
        metrics.mkdir(parents=True)
        server, thread = serve_metrics(metrics, config.host, config.metrics_port)
        try:
            asyncio.run(_supervise(Workers(config, listeners), ready))
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
    finally:
        listeners.close()
    print("stopped", flush=True)


async def _supervise(workers: Workers, ready: Callable[[], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin_to_drain() -> None:
        print("\ndraining: what was accepted is answered", flush=True)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, begin_to_drain)
    await workers.run(stop, ready)
