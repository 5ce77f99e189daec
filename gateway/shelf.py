"""One deployment's loaded bundles: each once, for all the lines and arms that use it, until none does.

Everything heavy happens in a thread: reading and hashing files, making a session of the model, proving the golden rows.
Most of it lets go of the interpreter, so that the calls of the event loop go on; where it does not, the loop takes the
interpreter back within a millisecond.
"""

import asyncio
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.backends.backend import Backend, BackendError
from gateway.backends.onnx import OnnxBackend
from gateway.bundle import Bundle, load_bundle, prove
from models.manifest import BundleError

# Seconds for which a thread may keep the interpreter from the event loop, while a bundle is loaded.
HURRY = 0.0005


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A verified bundle with the backend that reproduced its golden rows."""

    bundle: Bundle
    backend: Backend


class Shelf:
    """Holds what is loaded, by digest. `directory` is where the deployment's versions lie."""

    def __init__(self, directory: Path, deployment: str) -> None:
        self._directory = directory
        self._deployment = deployment
        self._loaded: dict[str, Loaded] = {}

    async def take(self, version: str, digest: str) -> Loaded:
        """Return the bundle, loaded now if it was not before. Raises `BundleError`.

        What lies on disk is verified in any case: a worker that starts anew has nothing else to go by.
        """
        where = self._directory / version
        with _in_a_hurry():
            bundle = await asyncio.to_thread(load_bundle, where, self._deployment)
            if bundle.manifest.digest() != digest:
                raise BundleError(f"{where}: was changed since its table was made: reload to make a new table of it")
            if digest not in self._loaded:
                backend = await asyncio.to_thread(_open, bundle)
                self._loaded[digest] = Loaded(self._with_known_plan(bundle), backend)
        return self._loaded[digest]

    async def keep(self, wanted: Collection[Loaded]) -> None:
        """Close everything else."""
        for digest, loaded in list(self._loaded.items()):
            if loaded not in wanted:
                del self._loaded[digest]
                await loaded.backend.close()

    def _with_known_plan(self, bundle: Bundle) -> Bundle:
        """Give equal plans one identity, so that the line sees at a glance that one matrix serves both arms."""
        plans = [loaded.bundle.plan for loaded in self._loaded.values()]
        return replace(bundle, plan=next((plan for plan in plans if plan == bundle.plan), bundle.plan))


def _open(bundle: Bundle) -> Backend:
    try:
        backend = OnnxBackend(bundle.model, len(bundle.plan.features))
        asyncio.run(prove(bundle, backend))
    except BackendError as exc:
        raise BundleError(f"{bundle.model.parent}: {exc}") from exc
    return backend


@contextmanager
def _in_a_hurry() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, HURRY))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
