"""Measures a backend with lists of one size for a bounded time.

Latencies are by the wall's clock: that is what the line waits for, whatever the place. What a row costs is this
process's processor time, all its threads together: another process that takes the core for a while makes a run late,
and no dearer.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Backend
from gateway.placing.figures import Cell, Place, quantile

PATIENCE = 10.0
"""Seconds for one run: a place that needs more will not do for calls."""
_WARM_SHARE = 0.2
"""Of the time that is measured, what runs before it, uncounted: at least one run of each under way."""
_BUSY = 0.9
"""Of a core, from which on the one that asks is taken for the narrow place."""


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Measures for `seconds`, longer by one run at most; `under_way` runs at a time where the place is a server."""

    seconds: float
    under_way: int

    async def measure(self, place: Place, backend: Backend, rows: NDArray[np.float32]) -> Cell:
        """Return the figures of runs of `rows`, shape (rows, features). Raises `BackendError`."""
        lanes = self.under_way if place.kind == "triton" else 1
        await _runs(backend, rows, self.seconds * _WARM_SHARE, lanes)
        began, busy = time.perf_counter(), time.process_time()
        taken = await _runs(backend, rows, self.seconds, lanes)
        wall, busy = time.perf_counter() - began, time.process_time() - busy
        done = len(taken) * len(rows)
        taken.sort()
        return Cell(
            place,
            rows=len(rows),
            runs=len(taken),
            p50=quantile(taken, 0.5),
            p99=quantile(taken, 0.99),
            core_seconds=busy / done,
            device_rate=None if place.kind == "cpu" else done / wall,
            asker_bound=place.kind == "triton" and busy / wall > _BUSY,
        )


async def _runs(backend: Backend, rows: NDArray[np.float32], seconds: float, lanes: int) -> list[float]:
    ends, taken = time.perf_counter() + seconds, list[float]()

    async def one_after_the_other() -> None:
        while True:
            began = time.perf_counter()
            await backend.run(rows, PATIENCE)
            now = time.perf_counter()
            taken.append(now - began)
            if now >= ends:
                return

    tasks = [asyncio.ensure_future(one_after_the_other()) for _ in range(lanes)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return taken


@contextmanager
def held_to(cores: int) -> Iterator[None]:
    """Hold this thread, and those that it starts meanwhile, to so many of the cores that it may use."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-cores:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
