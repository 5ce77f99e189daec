"""Any tensors to a model on Triton: one request there for each of ours, all of a list at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

from numpy.typing import NDArray

from gateway.backends.backend import Timed
from gateway.tensor_request import TensorAnswer, TensorRequest, in_array
from gateway.triton.endpoint import Infers
from gateway.triton.wire import Named, tensor_answer, tensor_request


class TritonTensors:
    """One model, run by whoever `asked` is. `release` is called once, when this is closed."""

    def __init__(self, named: Named, asked: Infers, release: Callable[[], Awaitable[None]]) -> None:
        self._named = named
        self._asked = asked
        self._release: Callable[[], Awaitable[None]] | None = release

    async def run(self, rows: NDArray[Any], seconds: float = inf) -> NDArray[Any]:
        """Answer requests, shape (requests,), each by itself; one that fails fails the run."""
        return in_array(await asyncio.gather(*(self._answer(one, seconds) for one in rows.tolist())))

    async def timed(self, rows: NDArray[Any], seconds: float = inf) -> Timed:
        """Answer as `run` does, by the wall's clock: the way there and back is part of what it takes."""
        began = time.perf_counter()
        found = await self.run(rows, seconds)
        return Timed(found, time.perf_counter() - began)

    async def close(self) -> None:
        """Let the model go; closing twice is closing once."""
        release, self._release = self._release, None
        if release is not None:
            await release()

    async def _answer(self, request: TensorRequest, seconds: float) -> TensorAnswer:
        return tensor_answer(await self._asked.infer(tensor_request(self._named, request), seconds))
