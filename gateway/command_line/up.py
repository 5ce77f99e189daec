"""`sluice up`: everything on one machine, from data to a gateway that answers.

Embedded Redis, bundles trained, features materialised, clocks set, workers serving. What has not changed since the last
time is not done again.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.clock import replay_offsets, write_offsets
from gateway.command_line.up_control import beside
from gateway.config import ServeConfig
from gateway.embedded_redis import EmbeddedRedis
from gateway.supervisor.declarations import Declared, read_declarations
from gateway.supervisor.listeners import check_free
from gateway.supervisor.serve import serve

OFFSETS_FILE = "clock.json"


class OfflineFailed(RuntimeError):
    """An offline step did not succeed; its own last lines say why."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What `up` alone listens on. `redis` is None when Redis is somebody else's: then so is the control plane."""

    redis: int | None
    control_grpc: int
    control_http: int


def up(config: ServeConfig, ports: Ports, ready: Callable[[ServeConfig], None]) -> None:
    """Bring everything up and serve until told to stop.

    Raises `PortTaken`, `RedisFailed`, `OfflineFailed`, or what `serve` raises.
    """
    for port, what in ((config.grpc_port, "gRPC"), (config.http_port, "HTTP"), (config.metrics_port, "metrics")):
        check_free(config.host, port, what)
    with _redis(config, ports.redis) as redis_url:
        _prepare(redis_url)
        # The embedded one evicts nothing; of somebody's own nobody knows that.
        queue_url = config.queue_url or (redis_url if ports.redis is not None else "")
        config = replace(config, redis_url=redis_url, queue_url=queue_url, offsets=measure_offsets(config))
        write_offsets(config.state / OFFSETS_FILE, config.offsets)
        with _control(config, ports) as steered:
            serve(steered, lambda: ready(steered))


def measure_offsets(config: ServeConfig) -> dict[str, float]:
    """Return the offsets at which the newest row of every replay deployment is now."""
    found = read_declarations(config.models, config.bundles)
    declared = {name: one for name, one in found.items() if isinstance(one, Declared)}
    return replay_offsets(
        {name: one.newest_event for name, one in declared.items() if one.deployment.clock == "replay"}
    )


@contextmanager
def _control(config: ServeConfig, ports: Ports) -> Iterator[ServeConfig]:
    """Run a control plane, unless there is one already or nothing that it could keep rollouts in."""
    if ports.redis is None or config.control_url:
        yield config
        return
    for port, what in ((ports.control_grpc, "control-grpc"), (ports.control_http, "control-http")):
        check_free(config.host, port, what)
    with beside(config, config.redis_url, ports.control_grpc, ports.control_http) as steered:
        yield steered


@contextmanager
def _redis(config: ServeConfig, port: int | None) -> Iterator[str]:
    if port is None:
        yield config.redis_url
        return
    check_free("127.0.0.1", port, "redis")
    embedded = EmbeddedRedis(config.state / "redis", port)
    started = time.monotonic()
    embedded.start()
    print(f"  redis       embedded, on 127.0.0.1:{port} ({time.monotonic() - started:.1f} s)", flush=True)
    try:
        yield embedded.url
    finally:
        embedded.stop()


def _prepare(redis_url: str) -> None:
    """Run the offline side in a process of its own: the gateway imports none of it."""
    command = [sys.executable, "-m", "models.pipeline", "prepare"]
    root = Path(__file__).resolve().parent.parent
    result = subprocess.run(command, env={**os.environ, "SLUICE_REDIS_URL": redis_url}, cwd=root, check=False)
    if result.returncode != 0:
        raise OfflineFailed("bundles and features could not be prepared: `python -m models.pipeline prepare` says why")
