"""What `sluice serve` is told: one frozen value, made by the command line and checked when made."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from gateway.backends.settings import SeatSettings
from gateway.fronts.tls import ServerTls
from gateway.later.settings import QueueSettings

Front = Literal["h2corn", "conservative"]
DEFAULT_REDIS_URL = "redis://127.0.0.1:6399/0"
DEFAULT_GRPC_PORT = 50051


class ConfigError(ValueError):
    """A setting that cannot be; one clear line says which."""


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """Everything that a worker is told. Paths are absolute, so that workers need no working directory."""

    models: Path
    """Where `<name>/deployment.yaml` lie."""
    bundles: Path
    """Where `<deployment>/<version>/` lie."""
    state: Path
    """Where metric files, clock offsets and the embedded Redis lie."""
    redis_url: str = DEFAULT_REDIS_URL
    """The Redis that Feast fills. May hold a password: never printed whole, never in a command line."""
    control_url: str = ""
    """The Redis that rollouts are kept in; empty: tables come from `deployment.yaml` alone. May hold a password."""
    queue_url: str = ""
    """The Redis in which calls of near real time wait; empty: there are none. May hold a password."""
    queue: QueueSettings = field(default_factory=QueueSettings)
    """How many may wait, and how often they are tried."""
    gateway_name: str = ""
    """What `sluice control` calls this gateway: one of its kind, and the same after a restart."""
    records: Path | None = None
    """Where decision records are kept; None: `records` in the state directory."""
    records_max_mb: int = 1024
    """What closed segments of them may take, all workers together; the oldest go."""
    host: str = "127.0.0.1"
    grpc_port: int = DEFAULT_GRPC_PORT
    http_port: int = 8080
    metrics_port: int = 9464
    front: Front = "h2corn"
    """`h2corn`: one fast server for gRPC and HTTP. `conservative`: uvicorn for HTTP, grpc.aio for gRPC."""
    tls: ServerTls | None = None
    """TLS on the ports of gRPC and HTTP; without it both speak clear text. The metrics port never speaks TLS."""
    workers: int = 1
    spare_workers: int = 1
    """Processes that have imported everything and wait to take the place of a worker that dies."""
    lists: int = 2
    """Lists of one deployment on their way at once, in one worker."""
    waiting_limit: int = 2048
    """Calls of one deployment that may wait for a list before new ones are refused."""
    calls_at_once: int = 256
    """Calls that one worker has in hand, of all deployments; its server turns more away unread."""
    feature_connections: int = 2
    """Sockets to Redis, a worker."""
    seats: SeatSettings = field(default_factory=SeatSettings)
    """Which bundles run in child processes, and what these may take."""
    grace: float = 10.0
    """Seconds that accepted calls have to be answered in when the gateway stops."""
    worker_patience: float = 10.0
    """Seconds that a worker may say nothing at all before it is taken to hang, killed and started anew."""
    log_level: str = "info"
    offsets: dict[str, float] = field(default_factory=dict)
    """Clock offsets of replay deployments, in seconds."""

    def __post_init__(self) -> None:
        for name in ("grpc_port", "http_port", "metrics_port"):
            if not 0 < getattr(self, name) < 65536:
                raise ConfigError(f"{name} is {getattr(self, name)}; a port lies between 1 and 65535")
        ports = [self.grpc_port, self.http_port, self.metrics_port]
        if len(set(ports)) != len(ports):
            raise ConfigError(f"ports must differ: {ports}")
        if self.records_max_mb < 16:
            raise ConfigError("records_max_mb must be at least 16: one segment of decision records takes as much")
        for name in ("workers", "lists", "waiting_limit", "calls_at_once", "feature_connections"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1")
        if not 0 <= self.spare_workers <= self.workers:
            raise ConfigError(f"spare_workers is {self.spare_workers}; it is between none and one a worker")
        if self.calls_at_once > 100_000:
            raise ConfigError(f"calls_at_once is {self.calls_at_once}: no worker has more than 100000 in hand")
        if self.worker_patience < 2.0:
            raise ConfigError(
                f"worker_patience is {self.worker_patience:g}; a worker that is only busy needs 2 or more"
            )
        if self.front not in ("h2corn", "conservative"):
            raise ConfigError(f"front is {self.front!r}; it is h2corn or conservative")

    def shown(self) -> dict[str, object]:
        """Return every setting as it may be logged: without the password."""
        values: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        urls = {name: without_password(getattr(self, name)) for name in ("redis_url", "control_url", "queue_url")}
        return {**values, **urls}


def without_password(url: str) -> str:
    """Return the address with its password starred out."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return "(an address that cannot be read)"
    shown = url if password is None else url.replace(f":{password}@", ":***@", 1)
    return re.sub(r"(password=)[^&#]*", r"\1***", shown)


def available_cpus() -> int:
    """Return how many processors this process may run on."""
    return len(os.sched_getaffinity(0))
