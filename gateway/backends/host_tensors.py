"""A model of tensors in a lane host, as a backend: one request a run, for requests of one list share nothing."""

from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import BackendError, Timed
from gateway.backends.host import Asker, HostedBackend
from gateway.tensor_request import TensorAnswer, TensorRequest
from models.tensor_manifest import TensorSpec


class HostedTensors(HostedBackend):
    """Its rows are `TensorRequest`s, its scores `TensorAnswer`s: with the outputs that were wanted, of those types."""

    def __init__(
        self, asker: Asker, model: int, outputs: Sequence[TensorSpec], release: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(asker, model, 0, release)
        self._datatypes = {one.name: one.datatype for one in outputs}

    async def timed(self, rows: NDArray[Any], seconds: float = inf) -> Timed:
        """Answer requests, shape (requests,), one after the other; one that fails fails the run."""
        parts = [await self._answer(rows[at : at + 1]) for at in range(len(rows))]
        scores: NDArray[Any] = np.concatenate([part.scores for part in parts]) if parts else np.empty(0, np.object_)
        return Timed(scores, sum(part.seconds for part in parts))

    async def _answer(self, row: NDArray[Any]) -> Timed:
        found = await self._asker.ask(self._model, row)
        self._check(row[0], found.scores[0])
        return found

    def _check(self, request: TensorRequest, answer: TensorAnswer) -> None:
        """Raise `BackendError` for other outputs than the caller may expect: nothing of a host's is believed."""
        wanted = [one.name for one in request.outputs] or list(self._datatypes)
        found = [(one.name, one.datatype) for one in answer.outputs]
        if found != [(name, self._datatypes.get(name)) for name in wanted]:
            raise BackendError(f"the lane host answered with other outputs than {', '.join(wanted)[:200]}")
