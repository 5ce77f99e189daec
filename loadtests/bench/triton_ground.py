"""What the overhead in front of Triton is measured on: one Triton with fraud's champion, one gateway in front of it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.gateways import Address
from loadtests.bench.measure import Bench
from loadtests.faults.free_ports import free_ports
from loadtests.faults.house import House, build_house
from loadtests.processors import held
from loadtests.serving import ServingError, Start, started
from loadtests.triton_server import TritonServer, environment

LISTED, PASSED = "fraud", "fraud-passed-on"
"""The deployments: of scores, whose lists are one request each, and pass-through, a request there for each call."""
_DEPLOYMENT_OF_TENSORS = "1"


@dataclass(frozen=True, slots=True)
class Manner:
    """How Triton is told to run the model. `delay` is in microseconds."""

    instances: int
    delay: int

    @property
    def text(self) -> str:
        """As people would say it."""
        plural = "s" if self.instances > 1 else ""
        return f"{self.instances} instance{plural}, batches wait {self.delay} µs"


@dataclass(frozen=True, slots=True)
class Fronted:
    """Triton and the gateway, both up."""

    triton_pids: Sequence[int]
    gateway: Address
    gateway_pids: Sequence[int]


@contextmanager
def triton_alone(bench: Bench, manner: Manner) -> Iterator[tuple[str, TritonServer]]:
    """Start Triton on the workers' core with the model loaded; raises PeerError and ServingError."""
    folder = bench.plan.out / "triton" / f"{manner.instances}-{manner.delay}"
    repository = folder / "repository"
    words = ["--out", str(repository), "--python-backend", "--instances", str(manner.instances)]
    words += ["--queue-delay-us", str(manner.delay), "--bundles", str(_bundles(bench)), LISTED, "1"]
    _make("models.triton_repository", words)
    log = folder / "triton.log"
    server = TritonServer(environment(bench.say), repository, free_ports(3), log)
    try:
        (model,) = server.models()
        server.load(model)
        with held(server.pids(), bench.plan.seats.worker):
            yield model, server
    finally:
        server.close()


@contextmanager
def fronted(bench: Bench, manner: Manner) -> Iterator[Fronted]:
    """Start Triton, and a gateway of one worker in front of it; raises PeerError and ServingError."""
    with triton_alone(bench, manner) as (model, server), ExitStack() as undo:
        house = _house(bench, model, server.address)
        grpc, http, metrics = free_ports(3)
        command = [sys.executable, "-m", "gateway", "serve", "--replay-now", "--workers", "1", "--spare-workers", "0"]
        command += ["--grpc-port", str(grpc), "--http-port", str(http), "--metrics-port", str(metrics)]
        command += ["--state", str(house.models.parent / "state"), "--triton", server.address, *house.flags()]
        variables = os.environ | {"SLUICE_REDIS_URL": bench.ground.redis}
        log = house.models.parent / "gateway.log"
        start = Start(command, ("127.0.0.1", http), None, log, bench.plan.patience, variables)
        processes = undo.enter_context(started(start))
        yield Fronted(server.pids(), ("127.0.0.1", grpc), processes.worker)


def address_of(server: TritonServer) -> Address:
    """Return where its gRPC is asked."""
    host, _, port = server.address.partition(":")
    return host, int(port)


def _house(bench: Bench, model: str, address: str) -> House:
    """Declare both deployments of that model, without canaries and shadows."""
    house = build_house(bench.plan.out / "triton" / "house", bench.plan.models, _bundles(bench), LISTED, ())
    arms = {"champion": "1", "canary": None, "shadows": None, "fallback": None}
    house.declare(LISTED, {"arms": arms, "backend": "triton", "records": None, "rollout": None})
    words = [PASSED, _DEPLOYMENT_OF_TENSORS, "--triton", address, "--model", model, *house.flags()]
    _make("models.adopt", words)
    return house


def _bundles(bench: Bench) -> Path:
    return bench.plan.models / "bundles"


def _make(module: str, words: Sequence[str]) -> None:
    made = subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True, check=False)
    if made.returncode:
        raise ServingError(f"python -m {module}: {made.stderr.strip()[-400:]}")
