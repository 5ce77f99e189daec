"""Measures a bundle at every place with every list size: figures where there are some, and why where there are none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Backend, BackendError
from gateway.bundle import Bundle
from gateway.placing.figures import Absent, Cell, Place
from gateway.placing.places import opened
from gateway.placing.stopwatch import Stopwatch
from gateway.triton.settings import TritonSettings
from models.manifest import BundleError

Tell = Callable[[str], None]
"""Hears what is being done."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What is measured: `sizes` are rows of a list, `triton` has one address where that place is among them."""

    places: Sequence[Place]
    sizes: Sequence[int]
    stopwatch: Stopwatch
    triton: TritonSettings

    async def of(self, bundle: Bundle, tell: Tell) -> tuple[list[Cell], list[Absent]]:
        """Measure. Nothing that goes wrong at one place keeps another from being measured."""
        found = [one for place in self.places for one in await self._at(place, bundle, tell)]
        return [one for one in found if isinstance(one, Cell)], [one for one in found if isinstance(one, Absent)]

    async def _at(self, place: Place, bundle: Bundle, tell: Tell) -> list[Cell | Absent]:
        found = list[Cell | Absent]()
        tell(f"{place.name}: loading, and proving the golden rows")
        try:
            async with opened(place, bundle, self.triton) as backend:
                for size in self.sizes:
                    tell(f"{place.name}: lists of {size}, for {self.stopwatch.seconds:g} s")
                    found.append(await self._cell(place, backend, lists_of(size, bundle.golden.rows)))
        except (BackendError, BundleError) as exc:
            found.append(Absent(place, str(exc)))
        return found

    async def _cell(self, place: Place, backend: Backend, rows: NDArray[np.float32]) -> Cell | Absent:
        try:
            return await self.stopwatch.measure(place, backend, rows)
        except BackendError as exc:
            return Absent(place, str(exc), len(rows))


def lists_of(size: int, golden: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a list of so many rows: the golden ones, again and again."""
    return np.ascontiguousarray(np.resize(golden, (size, golden.shape[1])))
