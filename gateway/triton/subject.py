"""What a worker keeps on Triton: a bundle's model with what it has to show, and the backend that asks for it."""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.backends.backend import Away, Backend, BackendError
from gateway.backends.triton import TritonBackend
from gateway.backends.triton_tensors import TritonTensors
from gateway.bundle import Bundle, prove
from gateway.tensors.bundle import TensorBundle
from gateway.tensors.contract import Contract
from gateway.triton.admission import admit, make_ready
from gateway.triton.batching import APART, Known
from gateway.triton.endpoint import Infers
from gateway.triton.server import Server
from gateway.triton.settings import TritonSettings
from gateway.triton.wire import Named, Served, infer_request, specs
from models.manifest import BundleError

Release = Callable[[], Awaitable[None]]


class Subject(Protocol):
    """A model by name. `unloads` says whether it is this gateway's to unload."""

    name: str
    named: Named
    unloads: bool

    async def admit(self, server: Server) -> None:
        """Have a server make it ready and prove it. Raises `BundleError` or `BackendError`."""

    async def seconds(self, server: Server) -> float:
        """Return what one run takes there, 0 where nobody may try. Raises `BackendError`."""

    def backend(self, asked: Infers, release: Release) -> Backend:
        """Return a backend that has it run."""

    def joins(self) -> bool:
        """Whether several callers' requests can be one there, as far as is known."""


class ScoredBundle:
    """A bundle of scores: its model is named for its digest, and has golden rows."""

    unloads = True

    def __init__(self, bundle: Bundle, settings: TritonSettings) -> None:
        manifest = bundle.manifest
        self.name = f"{manifest.deployment} {manifest.version}"
        self.served = Served(
            manifest.served_name, manifest.inputs.name, len(manifest.inputs.features), manifest.output.name
        )
        self.named = Named(self.served.model)
        self._bundle = bundle
        self._settings = settings

    async def admit(self, server: Server) -> None:
        """As `Subject`: the golden rows come out right."""

        async def proof(asked: Server) -> None:
            await prove(self._bundle, self.backend(asked, _keep_open))

        await admit(server, self.served, proof, self._settings.look_patience, self._settings.loading)

    async def seconds(self, server: Server) -> float:
        """As `Subject`: of one golden row."""
        began = time.monotonic()
        await server.infer(infer_request(self.served, self._bundle.golden.rows[:1]), self._settings.look_patience)
        return time.monotonic() - began

    def backend(self, asked: Infers, release: Release) -> Backend:
        """As `Subject`."""
        return TritonBackend(self.served, asked, release)

    def joins(self) -> bool:
        """As `Subject`: always, for we wrote the model."""
        return True


class OthersModel:
    """A model that others keep in their Triton: it is made ready where it is not, and never unloaded."""

    unloads = False

    def __init__(self, bundle: TensorBundle, settings: TritonSettings) -> None:
        manifest = bundle.manifest
        if manifest.triton is None:
            raise BundleError(f"{manifest.deployment} {manifest.version} names no model on a Triton: see sluice adopt")
        self.name = f"{manifest.deployment} {manifest.version}"
        self.named = Named(manifest.triton.model, manifest.triton.version)
        self._contract = bundle.contract
        self._settings = settings
        self._known = Known()

    async def admit(self, server: Server) -> None:
        """As `Subject`: it takes and gives what was written down when the bundle was made."""
        look = self._settings.look_patience
        await make_ready(server, self.named, look, self._settings.loading)
        found = await server.metadata(self.named.model, look, self.named.version)
        if not self._contract.same_for_callers(Contract(specs(found.inputs), specs(found.outputs))):
            raise BundleError(
                f"Triton at {server.address}: {self.named.model} takes or gives other tensors than when bundle"
                f" {self.name} was made of it: make another one with `sluice adopt`"
            )
        self._known.learn(server.address, await self._rows_joined(server))

    async def seconds(self, server: Server) -> float:
        """As `Subject`: only callers know what it takes."""
        return 0.0

    def backend(self, asked: Infers, release: Release) -> Backend:
        """As `Subject`."""
        return TritonTensors(self.named, asked, release, self._known)

    def joins(self) -> bool:
        """As `Subject`."""
        return self._known.most_rows > APART

    async def _rows_joined(self, server: Server) -> int:
        """What no server tells us of, as one of the protocol that is no Triton, is not done."""
        try:
            return await server.rows_joined(self.named, self._settings.look_patience)
        except Away:
            raise
        except BackendError:
            return APART


async def _keep_open() -> None:
    """What is being proved is not the prover's to close."""
