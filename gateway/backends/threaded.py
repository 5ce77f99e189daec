"""A model whose runs are too long for the event loop's thread: they go to a thread of their own, one by one."""

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import inf

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Timed, timed
from gateway.processes import interrupt_batches, step_back

# A little behind the event loop's thread, which must not fall behind in refusing; far behind, it would never run.
NICE = 3
# Seconds after which a busy event loop hands the interpreter over: the thread needs it before and after every run, and
# would wait ten times as long for it by default.
HAND_OVER = 0.0005

Score = Callable[[NDArray[np.float32]], NDArray[np.float64]]


class ThreadedBackend:
    """Runs `score`, which raises `BackendError`, in a thread. A cancelled run that has begun ends there unheard.

    Made on the event loop's thread, which it lets interrupt others from then on.
    """

    def __init__(self, score: Score) -> None:
        self._score = score
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model", initializer=step_back, initargs=(NICE,))
        interrupt_batches()
        sys.setswitchinterval(min(sys.getswitchinterval(), HAND_OVER))

    async def run(self, rows: NDArray[np.float32], seconds: float = inf) -> NDArray[np.float64]:
        """Score in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._score, rows)

    async def timed(self, rows: NDArray[np.float32], seconds: float = inf) -> Timed:
        """Score in the thread, by that thread's own clock."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, timed, self._score, rows)

    async def close(self) -> None:
        """Let the thread end when its run has; what has not begun never will."""
        self._thread.shutdown(wait=False, cancel_futures=True)
