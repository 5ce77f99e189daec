"""A model on Triton, as a backend: every run is one batched request, with the time that it has left."""

import time
from collections.abc import Awaitable, Callable
from math import inf

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import BackendError, Timed
from gateway.triton.endpoint import Infers
from gateway.triton.wire import MOST_ROWS, Served, infer_request, scores


class TritonBackend:
    """One model, run by whoever `asked` is. `release` is called once, when this is closed."""

    def __init__(self, served: Served, asked: Infers, release: Callable[[], Awaitable[None]]) -> None:
        self._served = served
        self._asked = asked
        self._release: Callable[[], Awaitable[None]] | None = release

    async def run(self, rows: NDArray[np.float32], seconds: float = inf) -> NDArray[np.float64]:
        """Score on Triton, in one run there; more rows than a request may have go piece after piece."""
        columns = self._served.columns
        if rows.ndim != 2 or rows.shape[1] != columns:
            raise BackendError(f"the model takes rows of {columns} features, not an array of shape {rows.shape}")
        if len(rows) <= MOST_ROWS:
            return await self._piece(rows, seconds)
        ends = time.monotonic() + seconds
        pieces = [rows[at : at + MOST_ROWS] for at in range(0, len(rows), MOST_ROWS)]
        return np.concatenate([await self._piece(piece, ends - time.monotonic()) for piece in pieces])

    async def timed(self, rows: NDArray[np.float32], seconds: float = inf) -> Timed:
        """Score as `run` does, by the wall's clock: the way there and back is part of what it takes."""
        began = time.perf_counter()
        found = await self.run(rows, seconds)
        return Timed(found, time.perf_counter() - began)

    async def _piece(self, rows: NDArray[np.float32], seconds: float) -> NDArray[np.float64]:
        response = await self._asked.infer(infer_request(self._served, rows), seconds)
        return scores(self._served, response, len(rows))

    async def close(self) -> None:
        """Let the model go; closing twice is closing once."""
        release, self._release = self._release, None
        if release is not None:
            await release()
