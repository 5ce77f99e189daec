"""Where a bundle runs: on the event loop's thread, on one of its own, in a child process, or on Triton.

Chosen at its loading.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from enum import Enum
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Backend, BackendError
from gateway.backends.host import HostedBackend
from gateway.backends.host_meters import HostMeters
from gateway.backends.host_toll import Tolled, no_toll
from gateway.backends.lane_host import LaneHost
from gateway.backends.onnx import OnnxBackend
from gateway.backends.settings import SeatSettings
from gateway.backends.tensor_seat import longest_run, open_tensors
from gateway.backends.threaded import ThreadedBackend
from gateway.background import in_background
from gateway.bundle import Bundle, prove
from gateway.deployment import Backend as Declared
from gateway.host.order import HostedModel
from gateway.tensors.bundle import TensorBundle
from models.manifest import BundleError
from monitoring.series import SeriesFile
from routing.table import CHAMPION, FALLBACK

log = logging.getLogger("sluice.seat")


class Place(Enum):
    """Where a bundle runs. What is in the worker has been proved when it is seated; all else comes later."""

    WORKER = "worker"
    HOST = "host"
    TRITON = "triton"


class Coming(Protocol):
    """What runs a bundle elsewhere, and is on its way there."""

    name: str

    async def decided(self) -> str:
        """Return when it is known whether it could be started: "" or why not."""


# The arms whose bundles have been found good: only they share the worker's process.
TRUSTED = (CHAMPION, FALLBACK)
ROWS = 16
_TIMES = 5
# Seconds that a worker which replaces a dead one, and serves without its hosts, has the processor to itself: hosts that
# load beside it made it come twice as late.
HEAD_START = 2.0
# Seconds that a worker which starts waits for Triton in any case, whose champion nobody else there may run: a server
# that has the bundle is proved in a tenth of one.
_TRITON_START = 2.0


@dataclass(frozen=True, slots=True)
class Seat:
    """A bundle's backend. `blocking` says that a run holds up the event loop, and ends there.

    `trouble` says why it cannot be run just now, or "".
    """

    backend: Backend
    blocking: bool
    turn: AbstractAsyncContextManager[object] = field(default_factory=nullcontext)
    """Held through a run, where there can be only one at a time: what waits for it can be given up."""
    trouble: Callable[[], str] = str
    copy: Backend | None = None
    """Another bundle beside it in its host, for comparison; it ends with the host, and is not to be closed."""
    toll: Tolled = no_toll
    remote: bool = False
    """Whether it runs on a server that others ask, too: runs that were asked for at once would wait for each other."""
    joins: Callable[[], bool] = bool
    """Of one that passes tensors on: whether it has several requests answered in one run, as far as is known now."""


class Seats:
    """Seats one deployment's bundles. A hosted one is still on its way when `seat` returns: `settle` waits for it."""

    def __init__(
        self, settings: SeatSettings, series: SeriesFile, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._settings = settings
        self._series = series
        self._clock = clock
        self._starting: list[Coming] = []
        self._hurry = False

    def place(self, arm: str, kind: Declared = "onnx") -> Place:
        """Return where that arm's bundles go, if the deployment's backend is of that kind.

        The fallback answers for what is away: it stays here in any case.
        """
        if kind == "triton" and arm != FALLBACK:
            return Place.TRITON
        return Place.HOST if self._settings.lane_hosts and arm not in TRUSTED else Place.WORKER

    async def seat(
        self, bundle: Bundle | TensorBundle, place: Place, beside: Bundle | TensorBundle | None = None
    ) -> Seat:
        """Return a seat for the bundle, proved if it is in process. Raises `BundleError`; a host never does.

        A host holds a copy of the bundle `beside` it, and proves that, too; elsewhere nothing is copied.
        """
        if place is Place.TRITON or on_others(bundle):
            return await self._on_triton(bundle)
        if place is Place.HOST:
            if beside is None or type(beside) is not type(bundle):  # those are refused: a deployment is of one kind
                return self._host([bundle])
            return self._host([bundle, beside])
        return await (self._tensors(bundle) if isinstance(bundle, TensorBundle) else self._in_process(bundle))

    def begin(self, starting: bool) -> None:
        """Begin a load: hosts of one that came to nothing were closed, and nobody waits for them any more."""
        self._starting.clear()
        self._hurry = starting

    async def settle(self, patience: float | None) -> str:
        """Wait until what was started elsewhere is ready or has failed; return what is wrong, or "".

        Those that are late or have failed are still kept, and tried again and again.
        """
        starting, self._starting = self._starting, []
        waits = {host.name: asyncio.ensure_future(host.decided()) for host in starting}
        if not waits:
            return ""
        try:
            await asyncio.wait(waits.values(), timeout=patience)
            return "; ".join(f"{name}: {_complaint(wait)}" for name, wait in waits.items() if _complaint(wait))
        finally:
            for wait in waits.values():
                wait.cancel()

    async def _in_process(self, bundle: Bundle) -> Seat:
        backend, seconds = await in_background(lambda: self._open(bundle), self._hurry)
        blocking = seconds <= self._settings.loop_run
        where = "the event loop's" if blocking else "its own"
        fields = {"bundle": str(bundle.model.parent), "run_ms": round(seconds * 1e3, 3), "rows": ROWS}
        log.info("bundle runs on %s thread", where, extra=fields)
        return Seat(backend, True) if blocking else Seat(ThreadedBackend(backend.score), False, asyncio.Lock())

    async def _tensors(self, bundle: TensorBundle) -> Seat:
        backend = await in_background(lambda: open_tensors(bundle), self._hurry)
        if await in_background(lambda: longest_run(backend), self._hurry) <= self._settings.loop_run:
            return Seat(backend, True)
        return Seat(ThreadedBackend(backend.score), False, asyncio.Lock())

    def _open(self, bundle: Bundle) -> tuple[OnnxBackend, float]:
        """Load and prove it, in a thread; return it, and how long a run takes."""
        try:
            backend = OnnxBackend(bundle.model, len(bundle.plan.features))
            asyncio.run(prove(bundle, backend))
        except BackendError as exc:
            raise BundleError(f"{bundle.model.parent}: {exc}") from exc
        return backend, run_seconds(backend.score, bundle.golden.rows, self._clock)

    async def _on_triton(self, bundle: Bundle | TensorBundle) -> Seat:
        """Have it brought onto every server; a worker that serves nothing from Triton never imports its client."""
        deployment, settings = bundle.manifest.deployment, self._settings.triton
        if not settings.addresses:
            raise BundleError(f"{deployment} runs on Triton: say where with --triton HOST:PORT (SLUICE_TRITON)")
        if find_spec("tritonclient") is None:
            raise BundleError(f"{deployment} runs on Triton: install its client, the extra `triton` of this package")
        from gateway.triton.remote_bundle import RemoteBundle

        remote = RemoteBundle(bundle, settings, self._series)
        try:
            await remote.start()
        except OSError as exc:
            raise BundleError(f"{deployment}: cannot note in {settings.holds} that Triton is used: {exc}") from exc
        if self._hurry:
            with suppress(TimeoutError):
                async with asyncio.timeout(_TRITON_START):
                    await remote.decided()
        self._starting.append(remote)
        return Seat(remote.backend, blocking=False, trouble=remote.trouble, remote=True, joins=remote.joins)

    def _host(self, bundles: Sequence[Bundle | TensorBundle]) -> Seat:
        """Seat the first of them, with what is beside it."""
        manifest = bundles[0].manifest
        meters = HostMeters(self._series, manifest.deployment, manifest.version)
        name = f"{manifest.deployment} {manifest.version}"

        async def proof(backends: Sequence[HostedBackend]) -> None:
            for bundle, backend in zip(bundles, backends, strict=True):
                if isinstance(bundle, Bundle):  # one of tensors has no golden rows: the host has looked at what it is
                    await prove(bundle, backend)

        host = LaneHost(name, [_hosted(bundle) for bundle in bundles], proof, meters, self._settings.host)
        unawaited = self._hurry and not self._settings.wait
        host.start(HEAD_START if unawaited else 0.0)
        self._starting.append(host)
        turn: AbstractAsyncContextManager[object] = nullcontext()
        if isinstance(bundles[0], TensorBundle):
            # Requests are runs by themselves: many at once wait for a slot, and are not sent away for want of one.
            turn = asyncio.Semaphore(self._settings.host.slots)
        copy = host.backend(1) if len(bundles) > 1 else None
        return Seat(host.backend(0), False, turn, trouble=host.trouble, copy=copy, toll=host.toll)


def on_others(bundle: Bundle | TensorBundle) -> bool:
    """Whether its model lies in somebody's Triton: there is no file that could be run elsewhere."""
    return isinstance(bundle, TensorBundle) and bundle.manifest.triton is not None


def _hosted(bundle: Bundle | TensorBundle) -> HostedModel:
    path, digest = str(bundle.model), bundle.manifest.files[bundle.model.name]
    if isinstance(bundle, TensorBundle):
        return HostedModel(path, 0, digest, bundle.manifest.inputs, bundle.manifest.outputs)
    return HostedModel(path, len(bundle.plan.features), digest)


def _complaint(wait: "asyncio.Future[str]") -> str:
    return wait.result() if wait.done() else "it is not ready yet"


def run_seconds(
    score: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    rows: NDArray[np.float32],
    clock: Callable[[], float],
) -> float:
    """Return what a run of `ROWS` rows takes at best: of a few, the fastest was disturbed least."""
    sample = np.resize(rows, (ROWS, rows.shape[1]))
    taken = []
    for _ in range(_TIMES):
        began = clock()
        score(sample)
        taken.append(clock() - began)
    return min(taken)
