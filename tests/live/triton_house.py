"""A small gateway whose bundles run on real Tritons of its own, which a test may hurt."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tritonclient.grpc import InferenceServerClient  # type: ignore[import-untyped] # shipped without types

from gateway.testing.redis_server import RedisServer
from loadtests.delay_proxy import LISTENING
from models.manifest import load_manifest
from tests.free_ports import free_ports
from tests.live.running_gateway import NO_SPARE, Running, start
from tests.live.small_house import SmallHouse, small_house
from tests.real_triton import RealTriton, triton_on


@dataclass(frozen=True)
class TritonHouse:
    """`fraud` on Triton. `addresses` are what the gateway is told, which need not be the servers' own."""

    house: SmallHouse
    features: RedisServer
    tritons: list[RealTriton]
    addresses: list[str]

    @property
    def first(self) -> RealTriton:
        return self.tritons[0]

    def declare(self, **arms: object) -> None:
        """Declare fraud on Triton, with a budget of two seconds."""
        path = self.house.declare("fraud", **arms)
        path.write_text(path.read_text().replace("budget_ms: 5000", "budget_ms: 2000") + "backend: triton\n")

    def model(self, version: str) -> str:
        """What a bundle of fraud is called on Triton."""
        return load_manifest(self.house.bundles / "fraud" / version).served_name

    def ready(self, version: str) -> bool:
        """Whether the first Triton has that bundle loaded, as NVIDIA's own client hears it."""
        with InferenceServerClient(self.first.address) as client:
            return bool(client.is_model_ready(self.model(version)))

    def unload(self, version: str) -> None:
        """Have the first Triton unload a bundle, as somebody else would."""
        with InferenceServerClient(self.first.address) as client:
            client.unload_model(self.model(version))

    @contextmanager
    def serving(self, workers: int = 2) -> Iterator[Running]:
        """Run the gateway until the block ends, which kills it."""
        flags = ["--workers", str(workers), *NO_SPARE, "--triton", ",".join(self.addresses), *self.house.flags]
        running = start(self.features, self.house.state, "h2corn", *flags)
        try:
            yield running
        finally:
            running.process.kill()
            running.process.wait()


@contextmanager
def triton_house(root: Path, count: int = 1) -> Iterator[TritonHouse]:
    """Make one with so many Tritons, which share a repository with bundles 1 and 2 of fraud."""
    house, features = small_house(root), RedisServer()
    house.bundle("fraud", "2")
    with ExitStack() as undo:
        undo.callback(features.close)
        tritons = [undo.enter_context(triton_on(root / "repository", root / f"triton-{n}.log")) for n in range(count)]
        for version in ("1", "2"):
            tritons[0].keep(house.bundles / "fraud" / version)
        yield TritonHouse(house, features, tritons, [one.address for one in tritons])


@contextmanager
def delayed(address: str, microseconds: int) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run a proxy in front of a server until the block ends: SIGUSR1 has it hold replies for so long."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "loadtests.delay_proxy", "--listen", f"127.0.0.1:{port}", "--to", address]
    command += ["--delay-us", "0", "--slower-us", str(microseconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert any(line.startswith(LISTENING) for line in process.stdout)
        yield f"127.0.0.1:{port}", process
    finally:
        process.kill()
        process.communicate()
