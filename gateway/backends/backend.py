"""The seam to whatever executes a bundle."""

import time
from collections.abc import Callable
from math import inf
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class BackendError(RuntimeError):
    """The backend could not score these rows; the cause is kept."""


class Away(BackendError):
    """Nobody could be asked, or whoever was asked is gone: this says nothing of the rows."""


class Unfit(BackendError):
    """The model does not take what the caller sent: where nobody else is to be asked, that is the caller's mistake."""


class TooLate(Away):
    """The run was given up; whether it would have succeeded nobody knows."""


class Timed(NamedTuple):
    """A run's scores, and what it took of a processor: not what it waited for one."""

    scores: NDArray[np.float64]
    seconds: float


def timed(score: Callable[[NDArray[np.float32]], NDArray[np.float64]], rows: NDArray[np.float32]) -> Timed:
    """Score on this thread, by its own clock.

    The wall's clock would count what the thread waited for its turn: on two busy processors the slowest hundredth of
    runs of 50 µs took 10 ms by the wall and 0.3 ms by the thread.
    """
    began = time.thread_time_ns()
    scores = score(rows)
    return Timed(scores, (time.thread_time_ns() - began) * 1e-9)


class Backend(Protocol):
    """Scores lists of rows. Called from one event loop; runs may overlap; a cancelled run leaves no trace.

    Nobody wants a run's scores when `seconds` have passed: who asks a machine far away tells it so.
    """

    async def run(self, rows: NDArray[np.float32], seconds: float = inf) -> NDArray[np.float64]:
        """Score `rows`, shape (rows, features), and return shape (rows,). Raises `BackendError`."""

    async def timed(self, rows: NDArray[np.float32], seconds: float = inf) -> Timed:
        """Score as `run` does, and say what it took where it ran."""

    async def close(self) -> None:
        """Release what the backend holds; it is not run again."""
