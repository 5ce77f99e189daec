"""A bundle on Triton as a worker has it: its replicas, who keeps them, and its hold on what is loaded there."""

import asyncio
import logging
import time

from gateway.backends.backend import Backend, BackendError
from gateway.bundle import Bundle
from gateway.pem import TlsError
from gateway.tensors.bundle import TensorBundle
from gateway.triton.endpoint import Endpoint
from gateway.triton.fleet import Fleet
from gateway.triton.hold import Hold
from gateway.triton.keeper import Keeper
from gateway.triton.meters import EndpointMeters
from gateway.triton.server import Server
from gateway.triton.settings import TritonSettings
from gateway.triton.subject import OthersModel, ScoredBundle, Subject
from models.manifest import BundleError
from monitoring.series import SeriesFile

log = logging.getLogger("sluice.triton")

# Seconds that a server has for unloading a model, which goes on without us.
_UNLOADING = 2.0


class RemoteBundle:
    """Keeps a bundle's model on every server, from `start` to `close`. `backend` asks whichever of them is well.

    Raises `BundleError` where TLS cannot be spoken with what the settings name.
    """

    def __init__(self, bundle: Bundle | TensorBundle, settings: TritonSettings, series: SeriesFile) -> None:
        self._subject: Subject = (
            ScoredBundle(bundle, settings) if isinstance(bundle, Bundle) else OthersModel(bundle, settings)
        )
        self.name, self.named = self._subject.name, self._subject.named
        manifest = bundle.manifest
        self._settings = settings
        try:
            self._servers = [Server(address, settings.tls) for address in settings.addresses]
        except TlsError as exc:
            raise BundleError(f"{self.name}: Triton cannot be spoken to by TLS: {exc}") from exc
        self._meters = [
            EndpointMeters(series, manifest.deployment, manifest.version, one.address) for one in self._servers
        ]
        endpoints = [
            Endpoint(server.address, server, meters, time.monotonic)
            for server, meters in zip(self._servers, self._meters, strict=True)
        ]
        self._fleet = Fleet(endpoints, time.monotonic)
        self._keepers = [
            self._keeper(server, endpoint) for server, endpoint in zip(self._servers, endpoints, strict=True)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._hold: Hold | None = None
        self.backend: Backend = self._subject.backend(self._fleet, self.close)

    async def start(self) -> None:
        """Take hold of the model, and have it brought into the ranks everywhere. Raises `OSError`."""
        settings = self._settings
        if settings.unload and settings.holds is not None and self._subject.unloads:
            self._hold = await asyncio.to_thread(Hold, settings.holds, self.named.model)
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(keeper.keep(), name=f"{self.name} at {server.address}")
            for keeper, server in zip(self._keepers, self._servers, strict=True)
        ]

    async def decided(self) -> str:
        """Return when one replica is well, or none is: "" or why."""
        waits: set[asyncio.Future[object]] = {asyncio.ensure_future(one.decided.wait()) for one in self._keepers}
        try:
            while waits:
                _, waits = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                if not self._fleet.trouble():
                    return ""
        finally:
            for wait in waits:
                wait.cancel()
        return "; ".join(one.complaint for one in self._keepers if one.complaint)

    def joins(self) -> bool:
        """Whether several callers' requests can be one there, as far as is known."""
        return self._subject.joins()

    def trouble(self) -> str:
        """Say why nobody can be asked, or ""."""
        return self._fleet.trouble()

    async def close(self) -> None:
        """Let the model go; whoever was the last has it unloaded."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        hold, self._hold = self._hold, None
        if hold is not None:
            with hold.let_go() as last:
                if last:
                    await asyncio.gather(*map(self._unload, self._servers))
        for meters in self._meters:
            meters.closed()
        for server in self._servers:
            await server.close()

    async def _unload(self, server: Server) -> None:
        try:
            await server.unload(self.named.model, _UNLOADING)
        except BackendError as exc:
            log.info("a model was not unloaded", extra={"model": self.named.model, "why": str(exc)})

    def _keeper(self, server: Server, endpoint: Endpoint) -> Keeper:
        async def let_in() -> None:
            await self._subject.admit(server)

        async def fast() -> bool:
            return self._fleet.fast_enough(endpoint, await self._subject.seconds(server))

        async def ready() -> bool:
            return await server.ready(self.named.model, self._settings.look_patience, self.named.version)

        return Keeper(endpoint, let_in, ready, fast, self._settings)
