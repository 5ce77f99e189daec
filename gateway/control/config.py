"""What `sluice control` is told: one frozen value, made by the command line and checked when made."""

from dataclasses import dataclass
from pathlib import Path

from gateway.config import ConfigError, without_password
from gateway.fronts.tls import ServerTls
from routing.sources import check_address

DEFAULT_CONTROL_URL = "redis://127.0.0.1:6399/1"
DEFAULT_GRPC_PORT = 50061
DEFAULT_HTTP_PORT = 8090


@dataclass(frozen=True, slots=True)
class ControlConfig:
    """Everything that the control process is told."""

    models: Path
    """Where `<name>/deployment.yaml` lie, with their `rollout` sections."""
    principals: Path
    """`principals.yaml`: who may sign, and what each may ask for."""
    control_url: str = DEFAULT_CONTROL_URL
    """The control Redis: with an append-only file, and without eviction. May hold a password."""
    host: str = "127.0.0.1"
    grpc_port: int = DEFAULT_GRPC_PORT
    http_port: int = DEFAULT_HTTP_PORT
    prometheus: str = ""
    """Where the queries of deployments that name no Prometheus are asked; empty: nowhere."""
    tls: ServerTls | None = None
    """TLS on both ports; without it both speak clear text."""
    log_level: str = "info"
    """What rollouts do as they should is said, too: a line for each change."""

    def __post_init__(self) -> None:
        for name in ("grpc_port", "http_port"):
            if not 0 < getattr(self, name) < 65536:
                raise ConfigError(f"control {name} is {getattr(self, name)}; a port lies between 1 and 65535")
        if self.grpc_port == self.http_port:
            raise ConfigError(f"control: the ports of gRPC and HTTP must differ, and both are {self.grpc_port}")
        if self.prometheus:
            self._check_prometheus()

    def _check_prometheus(self) -> None:
        try:
            check_address("--prometheus", self.prometheus)
        except ValueError as exc:
            raise ConfigError(str(exc)) from exc

    @property
    def shown_url(self) -> str:
        """The address of the control Redis as it may be printed."""
        return without_password(self.control_url)
