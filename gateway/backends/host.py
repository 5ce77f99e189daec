"""A model in a lane host, as a backend: every run is a copy into shared memory, a ring, and a copy out of it."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import BackendError, Timed
from gateway.host.slots import SLOT_ROWS


class Asker(Protocol):
    """Whoever can pass rows to a host."""

    def ask(self, model: int, rows: NDArray[Any]) -> "asyncio.Future[Timed]":
        """Start a run of at most `SLOT_ROWS` rows of the model's width; its scores, or a `BackendError`, come later.

        Of a model of tensors the rows are one `TensorRequest`, and the scores one `TensorAnswer`. Raises `Away` at once
        when there is no host or no room. Who stops waiting cancels the future.
        """


class HostedBackend:
    """One model of a host, by its place in the host's order. `release` is called once, when this is closed."""

    def __init__(self, asker: Asker, model: int, width: int, release: Callable[[], Awaitable[None]]) -> None:
        self._asker = asker
        self._model = model
        self._width = width
        self._release: Callable[[], Awaitable[None]] | None = release

    async def run(self, rows: NDArray[np.float32], seconds: float = inf) -> NDArray[np.float64]:
        """Score in the host; more rows than a slot holds go piece after piece."""
        return (await self.timed(rows, seconds)).scores

    async def timed(self, rows: NDArray[np.float32], seconds: float = inf) -> Timed:
        """Score as `run` does; the host holds the watch."""
        if rows.ndim != 2 or rows.shape[1] != self._width:
            raise BackendError(f"the model takes rows of {self._width} features, not an array of shape {rows.shape}")
        if len(rows) <= SLOT_ROWS:
            return await self._asker.ask(self._model, rows)
        pieces = [rows[at : at + SLOT_ROWS] for at in range(0, len(rows), SLOT_ROWS)]
        parts = [await self._asker.ask(self._model, piece) for piece in pieces]
        return Timed(np.concatenate([part.scores for part in parts]), sum(part.seconds for part in parts))

    async def close(self) -> None:
        """Let the host go; closing twice is closing once."""
        release, self._release = self._release, None
        if release is not None:
            await release()
