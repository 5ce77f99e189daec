"""A backend that scores by a function, and fails when it is told to."""

from collections.abc import Callable
from math import inf

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import BackendError, Timed

Script = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def first_column(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Score a row by its first feature."""
    return rows[:, 0].astype(np.float64)


class ScriptedBackend:
    """Scores with `script`; `failure`, while set, is raised instead. `runs` keeps the row count of every run.

    `seconds` is what every run says it took.
    """

    def __init__(self, script: Script = first_column) -> None:
        self.script = script
        self.failure: str | None = None
        self.runs: list[int] = []
        self.closed = False
        self.seconds = 1e-5

    async def run(self, rows: NDArray[np.float32], seconds: float = inf) -> NDArray[np.float64]:
        """Score `rows`, or raise `BackendError` with the message in `failure`."""
        self.runs.append(len(rows))
        if self.failure is not None:
            raise BackendError(self.failure)
        return self.script(rows)

    async def timed(self, rows: NDArray[np.float32], seconds: float = inf) -> Timed:
        """Score as `run` does, and say `seconds`."""
        return Timed(await self.run(rows, seconds), self.seconds)

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True
