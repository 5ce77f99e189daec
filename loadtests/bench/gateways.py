"""The gateways of a bench: each started as its measure wants it, on its core and its own ports, ended by its pid."""

import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.bench.plan import Plan
from loadtests.certificate import Pair
from loadtests.processors import held
from loadtests.serving import Processes, Start, started

Address = tuple[str, int]
_GATEWAYS = 20  # ports are used again after so many: a port that was just left may linger


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is special about a gateway. `redis` stands in for the bench's own; `pair` turns TLS on."""

    name: str
    front: str = "h2corn"
    redis: str | None = None
    pair: Pair | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """A gateway that is ready. `tls_ca` is what a caller has to trust, if it speaks TLS."""

    processes: Processes
    grpc: Address
    http: Address
    metrics: Address
    tls_ca: Path | None = None


class Gateways:
    """Opens gateways beside one Redis."""

    def __init__(self, plan: Plan, redis: str, redis_pids: list[int]) -> None:
        self._plan = plan
        self._redis = redis
        self._redis_pids = redis_pids
        self._numbers = itertools.cycle(range(1, _GATEWAYS + 1))
        self.commands: dict[str, list[str]] = {}

    @contextmanager
    def open(self, wanted: Wanted) -> Iterator[Opened]:
        """Start one, wait until it is ready, and end it; raises ServingError."""
        plan, port = self._plan, self._plan.base_port + 3 * next(self._numbers)
        log = plan.out / "logs" / f"gateway-{wanted.name}.log"
        command = self._command(wanted, port)
        self.commands[wanted.name] = command
        ca = wanted.pair.certificate if wanted.pair else None
        variables = {"SLUICE_REDIS_URL": wanted.redis or self._redis, **wanted.variables}
        start = Start(
            command, ("127.0.0.1", port + 1), plan.seats.worker, log, plan.patience, os.environ | variables, ca
        )
        with started(start) as processes, held(processes.redis, plan.seats.redis):
            redis = self._redis_pids or processes.redis
            addresses = [("127.0.0.1", port + offset) for offset in range(3)]
            yield Opened(Processes(processes.worker, redis), addresses[0], addresses[1], addresses[2], ca)

    def _command(self, wanted: Wanted, port: int) -> list[str]:
        values = {"front": wanted.front, "grpc_port": port, "http_port": port + 1, "metrics_port": port + 2}
        values["state"] = self._plan.out / "state" / wanted.name
        words = [word.format(**values) for word in self._plan.serve]
        pair = wanted.pair
        return [*words, "--tls-cert", str(pair.certificate), "--tls-key", str(pair.key)] if pair else words
