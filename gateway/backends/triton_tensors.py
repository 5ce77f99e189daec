"""Any tensors to a model on Triton: those of a list together where it makes batches anyway, else each by itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from math import inf
from typing import Any

from numpy.typing import NDArray

from gateway.backends.backend import Timed
from gateway.tensor_request import TensorAnswer, TensorRequest, in_array
from gateway.triton.batching import Known
from gateway.triton.endpoint import Infers
from gateway.triton.joined import cut, grouped, join
from gateway.triton.wire import Named, tensor_answer, tensor_request


class TritonTensors:
    """One model, run by whoever `asked` is. `release` is called once, when this is closed."""

    def __init__(self, named: Named, asked: Infers, release: Callable[[], Awaitable[None]], known: Known) -> None:
        self._named = named
        self._asked = asked
        self._release: Callable[[], Awaitable[None]] | None = release
        self._known = known

    async def run(self, rows: NDArray[Any], seconds: float = inf) -> NDArray[Any]:
        """Answer requests, shape (requests,), those that are alike in one; one that fails fails the run."""
        asked: list[TensorRequest] = rows.tolist()
        if len(asked) == 1:
            return in_array([await self._ask(asked[0], seconds)])
        groups = grouped(asked, self._known.most_rows)
        asking = [asyncio.create_task(self._together([asked[at] for at in group], seconds)) for group in groups]
        try:
            found = await asyncio.gather(*asking)
        finally:  # after one has failed nobody waits for the others
            for one in asking:
                one.cancel()
        answers = dict(zip(chain(*groups), chain(*found), strict=True))
        return in_array([answers[at] for at in range(len(asked))])

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

    async def _together(self, requests: Sequence[TensorRequest], seconds: float) -> Sequence[TensorAnswer]:
        if len(requests) == 1:
            return [await self._ask(requests[0], seconds)]
        rows = [request.inputs[0].shape[0] for request in requests]
        return cut(await self._ask(join(requests), seconds), rows)

    async def _ask(self, request: TensorRequest, seconds: float) -> TensorAnswer:
        return tensor_answer(await self._asked.infer(tensor_request(self._named, request), seconds))
