"""One deployment's loaded bundles: each once, for all the lines and arms that use it, until none does.

Everything heavy happens in a thread: reading and hashing files, making a session of the model, proving the golden rows.
Most of it lets go of the interpreter, so that the calls of the event loop go on; where it does not, the loop takes the
interpreter back within a millisecond.
"""

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gateway.backends.seat import Place, Seat, Seats, on_others
from gateway.background import in_background
from gateway.bundle import Bundle
from gateway.deployment import Backend
from gateway.tensors.bundle import TensorBundle, load_any_bundle
from models.manifest import BundleError

# Seconds for which a thread may keep the interpreter from the event loop, while a bundle is loaded.
HURRY = 0.0005


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A verified bundle with its seat: in process it has reproduced its golden rows, elsewhere it will have to."""

    bundle: Bundle | TensorBundle
    seat: Seat


class Shelf:
    """Holds what is loaded, by digest, where it runs, and what is beside it in its host.

    `directory` is where the deployment's versions lie.
    """

    def __init__(self, directory: Path, deployment: str, seats: Seats) -> None:
        self._directory = directory
        self._deployment = deployment
        self._seats = seats
        self._loaded: dict[tuple[str, Place, str], Loaded] = {}
        self._starting = False

    def begin(self, starting: bool) -> None:
        """Begin a load, whatever became of the one before; a worker that is `starting` has nobody to step back for."""
        self._starting = starting
        self._seats.begin(starting)

    async def take(
        self, version: str, digest: str, place: Place, beside: Loaded | None = None, warm: bool = False
    ) -> Loaded:
        """Return the bundle in that place, loaded now if it was not before. Raises `BundleError`.

        Where it goes into a host it gets a copy of the bundle `beside` it there: another one makes another host.
        What lies on disk is verified in any case: who starts anew has nothing else to go by. Only `warm` takes
        what is loaded, whatever has become of the disk: a way back must not depend on that.
        """
        where, elsewhere = self._directory / version, place is not Place.WORKER
        companion = None
        if beside is not None and place is Place.HOST and not on_others(beside.bundle):
            companion = beside.bundle
        key = (digest, place, "" if companion is None else companion.manifest.digest())
        if warm and key in self._loaded:
            return self._loaded[key]
        with _in_a_hurry():
            bundle = await in_background(partial(load_any_bundle, where, self._deployment, elsewhere), self._starting)
            if bundle.manifest.digest() != digest:
                raise BundleError(
                    f"{where}: was changed since its table was made: reload to make a new table of it; where a rollout"
                    " has made it, put the bundle back, or change `arms` in the deployment.yaml, which begins another"
                )
            if key not in self._loaded:
                seat = await self._seats.seat(bundle, place, companion)
                self._loaded[key] = Loaded(self._with_known_plan(bundle), seat)
        return self._loaded[key]

    def place(self, arm: str, kind: Backend) -> Place:
        """Return where that arm's bundles run, if the deployment's backend is of that kind."""
        return self._seats.place(arm, kind)

    async def settle(self, patience: float | None) -> str:
        """Wait for the hosts of what was taken, None for as long as it takes; return what is wrong with them, or ""."""
        return await self._seats.settle(patience)

    async def keep(self, wanted: Collection[Loaded]) -> None:
        """Close everything else."""
        for key, loaded in list(self._loaded.items()):
            if loaded not in wanted:
                del self._loaded[key]
                await loaded.seat.backend.close()

    def _with_known_plan(self, bundle: Bundle | TensorBundle) -> Bundle | TensorBundle:
        """Give equal plans one identity, so that the line sees at a glance that one matrix serves both arms."""
        if isinstance(bundle, TensorBundle):
            return bundle
        plans = [loaded.bundle.plan for loaded in self._loaded.values()]
        return replace(bundle, plan=next((plan for plan in plans if plan == bundle.plan), bundle.plan))


@contextmanager
def _in_a_hurry() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, HURRY))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
