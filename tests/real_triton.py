"""A real Triton for tests, with a model repository that bundles are put into; its environment is made on first use."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tritonclient.grpc import InferenceServerClient  # type: ignore[import-untyped] # shipped without types

from loadtests.triton_server import TritonServer, environment
from models.triton_repository import INSTANCES, Manner, write_model
from tests.free_ports import free_ports
from tests.live.prepared import preparing


@dataclass(frozen=True)
class RealTriton:
    """One server, and where its models lie: replicas may share a repository."""

    server: TritonServer
    repository: Path

    @property
    def address(self) -> str:
        """Its gRPC, as HOST:PORT."""
        return self.server.address

    @property
    def http(self) -> str:
        """Its HTTP, as HOST:PORT."""
        return self.server.http

    def keep(self, bundle: Path, instances: int = INSTANCES) -> str:
        """Put a bundle into the repository; return what it is called there."""
        return write_model(bundle, self.repository, Manner(python_backend=True, instances=instances)).name

    def lose(self, bundle: Path) -> None:
        """Take a bundle's model out of the repository, and unload it."""
        name = self.keep(bundle)
        shutil.rmtree(self.repository / name)
        with InferenceServerClient(self.address) as client:
            client.unload_model(name)


@contextmanager
def triton_on(repository: Path, log: Path, *flags: str) -> Iterator[RealTriton]:
    """Run a server on a repository until the block ends, which kills it. `flags` are Triton's own."""
    repository.mkdir(parents=True, exist_ok=True)
    with preparing():
        place = environment()
    server = TritonServer(place, repository, free_ports(3), log, flags)
    try:
        yield RealTriton(server, repository)
    finally:
        server.close()
