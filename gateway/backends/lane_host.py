"""A lane host as the worker keeps it: started, proved, started anew when it dies, and absent in between.

Whatever its bundle does, a run never waits for a host that is not there.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from gateway.backends.backend import Away, BackendError, Timed
from gateway.backends.host import Asker, HostedBackend
from gateway.backends.host_child import COMMAND, spawn
from gateway.backends.host_death import Death, Reason
from gateway.backends.host_life import HostLife
from gateway.backends.host_meters import HostMeters
from gateway.backends.host_tensors import HostedTensors
from gateway.backends.host_toll import Toll
from gateway.backends.host_vigil import next_pause
from gateway.backends.settings import HostSettings
from gateway.host.order import HostedModel
from models.manifest import BundleError

log = logging.getLogger("sluice.host")

Proof = Callable[[Sequence[HostedBackend]], Awaitable[None]]


class Absent:
    """Stands in for a host that is not there, and says why."""

    def __init__(self, why: str) -> None:
        self.why = why

    def ask(self, model: int, rows: NDArray[Any]) -> "asyncio.Future[Timed]":
        """There is nobody to ask."""
        raise Away(f"the lane host is away: {self.why}")


class LaneHost:
    """Keeps one host with its models; `proof` gets a backend for each of them before anybody else may run.

    `command` starts the process; the order is added to it.
    """

    def __init__(
        self,
        name: str,
        models: Sequence[HostedModel],
        proof: Proof,
        meters: HostMeters,
        settings: HostSettings,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.name = name
        self._models = tuple(models)
        self._proof = proof
        self._meters = meters
        self._settings = settings
        self._command = command
        self._asker: Asker = Absent("it has not been started")
        self._decided = asyncio.Event()
        self._failure = ""
        self._pause = 0.0
        self._toll = Toll()
        self._keeper: asyncio.Task[None] | None = None

    def start(self, after: float = 0.0) -> None:
        """Start the host `after` so many seconds, and keep it from now on."""
        self._asker = Absent("it is starting")
        self._keeper = asyncio.get_running_loop().create_task(self._keep(after), name=f"lane host {self.name}")

    async def decided(self) -> str:
        """Return when the first start has succeeded or failed: "" or why."""
        await self._decided.wait()
        return self._failure

    def backend(self, model: int) -> HostedBackend:
        """Return the backend of a model, by its place in `models`; to close any is to end the host."""
        return _backend(self, model, self._models[model], self.close)

    def trouble(self) -> str:
        """Say why nobody can be asked, or ""."""
        return self._asker.why if isinstance(self._asker, Absent) else ""

    def toll(self) -> Toll:
        """Return what all its lives have cost so far."""
        present = self._asker.waited() if isinstance(self._asker, HostLife) else 0.0
        return self._toll._replace(waited=self._toll.waited + present)

    def ask(self, model: int, rows: NDArray[Any]) -> "asyncio.Future[Timed]":
        """Pass rows on to the host, if it is there; see `Asker`."""
        return self._asker.ask(model, rows)

    async def close(self) -> None:
        """End the host."""
        keeper, self._keeper = self._keeper, None
        self._asker = Absent("it was closed")
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])
            self._meters.down.set(0.0)  # nobody misses it

    async def _keep(self, after: float) -> None:
        """Start the host anew whenever it has died, at longer and longer pauses while it does not stay."""
        await asyncio.sleep(after)
        while True:
            try:
                death, ready_for = await self._live()
            except Exception:  # supervised: a defect of ours must not leave the arm without its host for ever
                log.exception("lane host could not be kept", extra={"host": self.name})
                death, ready_for = Death(Reason.SPAWN, "the worker could not keep it, see the log"), 0.0
            self._pause = next_pause(self._settings, self._pause, ready_for)
            self._toll = self._toll.after(death)
            self._asker = Absent(f"{death.text}, and it is started anew")
            self._meters.died(death.reason)
            if not self._decided.is_set():
                self._failure = death.text
                self._decided.set()
            fields = {"host": self.name, "reason": death.reason, "why": death.text, "pause_s": self._pause}
            log.error("lane host ended, starting it anew", extra=fields)
            await asyncio.sleep(self._pause)

    async def _live(self) -> tuple[Death, float]:
        """Run one host to its end; return how it died, and for how long it had been ready."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            child = spawn(self._models, self._settings, self._command)
        except OSError as exc:
            return Death(Reason.SPAWN, f"it cannot be started: {exc}"), 0.0
        life = HostLife(child, self._settings, self._meters.busy)
        self._meters.starts.add()
        ready = loop.time()
        try:
            if await self._prove(life):
                ready = loop.time()
                self._open(life, ready - began)
            death = await life.over()
            return death, loop.time() - ready
        finally:
            self._meters.down.set(1.0)
            life.kill(Death(Reason.CLOSED, "it was closed"))
            await life.over()

    async def _prove(self, life: HostLife) -> bool:
        """Wait until it has loaded, and prove it. When that fails it is dead, or killed."""
        backends = [_backend(life, at, model, _keep_open) for at, model in enumerate(self._models)]
        try:
            async with asyncio.timeout(self._settings.loading):
                if not await life.loaded():
                    return False
                await self._proof(backends)
        except TimeoutError:
            life.kill(Death(Reason.STUCK, f"it was not ready after {self._settings.loading:g} s"))
        except BundleError as exc:
            life.kill(Death(Reason.GOLDEN, str(exc)))
        except BackendError as exc:
            life.kill(Death(Reason.GOLDEN, f"the golden rows cannot be run: {exc}"))
        else:
            return True
        return False

    def _open(self, life: HostLife, seconds: float) -> None:
        self._asker = life
        self._meters.down.set(0.0)
        self._decided.set()
        log.info("lane host is ready", extra={"host": self.name, "seconds": round(seconds, 3)})


def _backend(asker: Asker, at: int, model: HostedModel, release: Callable[[], Awaitable[None]]) -> HostedBackend:
    if model.inputs:
        return HostedTensors(asker, at, model.outputs, release)
    return HostedBackend(asker, at, model.width, release)


async def _keep_open() -> None:
    """What is being proved is not the prover's to close."""
