"""A gateway under test: how it is wanted, and its addresses and processes once it serves."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.faults.free_ports import free_ports
from loadtests.faults.house import House
from loadtests.faults.plan import Plan
from loadtests.faults.worker_starts import worker_starts
from loadtests.memory import memory_of
from loadtests.processors import HOST, WORKER, family, named
from loadtests.serving import ServingError, Start, started

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is special about a gateway; without a house it serves the project's own models and bundles."""

    name: str
    redis: str
    front: str = "h2corn"
    workers: int = 1
    house: House | None = None
    pinned: bool = True
    flags: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway that is ready."""

    supervisor: int
    front: str
    grpc: Address
    http: Address
    metrics: Address
    log: Path
    state: Path

    def workers(self) -> list[int]:
        """Return the worker processes that live now."""
        return named(WORKER, family(self.supervisor))

    def hosts(self) -> list[int]:
        """Return the lane hosts that live now."""
        return named(HOST, family(self.supervisor))

    def starts(self) -> float:
        """Return how often any worker became ready, by the gateway's own metrics."""
        return worker_starts(self.metrics)

    def rss_mb(self) -> float:
        """Return the resident memory of all of the gateway's processes."""
        total = 0.0
        for pid in family(self.supervisor):
            with contextlib.suppress(OSError, KeyError):
                total += memory_of(pid).rss
        return total

    def reload(self) -> None:
        """Have it read its declarations again, and wait until every worker serves them. Raises ServingError."""
        command = [sys.executable, "-m", "gateway", "reload", "--state", str(self.state)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180.0, check=False)
        if done.returncode:
            raise ServingError(f"the gateway did not reload: {(done.stdout + done.stderr).strip()[-300:]}")

    def end(self) -> None:
        """Ask it to drain."""
        os.kill(self.supervisor, signal.SIGTERM)


@contextmanager
def serve(plan: Plan, wanted: Wanted) -> Iterator[Served]:
    """Start a gateway, wait until it is ready, and end it; raises ServingError."""
    ports = free_ports(3)
    addresses = [("127.0.0.1", port) for port in ports]
    words = [sys.executable, "-m", "gateway", "serve", "--replay-now", "--workers", str(wanted.workers)]
    for flag, port in zip(("--grpc-port", "--http-port", "--metrics-port"), ports, strict=True):
        words += [flag, str(port)]
    state, log = plan.out / "state" / wanted.name, plan.out / "logs" / f"{wanted.name}.log"
    words += ["--front", wanted.front, "--state", str(state), *wanted.flags]
    house = wanted.house or House(plan.models, plan.bundles)
    variables = os.environ | {"SLUICE_REDIS_URL": wanted.redis} | dict(wanted.variables)
    core = plan.seats.worker if wanted.pinned else None
    if wanted.pinned and plan.seats.generator is not None:
        # Lane hosts on another core than their worker; behind the generator, whose core that is.
        words += ["--host-cpus", str(plan.seats.generator), "--host-nice", "19"]
    start = Start(words + house.flags(), addresses[1], core, log, plan.patience, variables)
    with started(start) as processes:
        yield Served(processes.worker[0], wanted.front, addresses[0], addresses[1], addresses[2], log, state)
