"""The parts of a whole simulation, played on every processor, with how much is done and how long the rest will take."""

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

Rows = list[list[Any]]
"""By run whatever is to be known of it."""
_SAY_EVERY = 30.0


@dataclass(frozen=True, slots=True)
class Part:
    """`play` is called with some of the seeds 0 to runs - 1. It and what it holds are sent to another process."""

    kind: str
    subject: Any
    play: Callable[[Sequence[int]], Rows]
    runs: int
    cost: float
    """Seconds of a processor that a run takes, roughly: only how parts compare matters."""


@dataclass(frozen=True, slots=True)
class Done:
    """A part with its rows, in the order of the seeds."""

    part: Part
    rows: Rows


def play_all(parts: Sequence[Part], processes: int | None = None) -> Iterator[Done]:
    """Play parts side by side, those that come first first; yield each when all its runs are done."""
    rows: dict[int, dict[int, Rows]] = {number: {} for number in range(len(parts))}
    with ProcessPoolExecutor(processes or os.cpu_count(), initializer=gc.disable) as pool:
        asked: dict[Future[Rows], tuple[int, range]] = {}
        for number, part in enumerate(parts):
            for seeds in _batches(part):
                asked[pool.submit(_play, part.play, seeds)] = number, seeds
        progress = _Progress(sum(part.runs * part.cost for part in parts))
        for future in as_completed(asked):
            number, seeds = asked.pop(future)
            part = parts[number]
            rows[number][seeds.start] = future.result()
            progress.add(len(seeds) * part.cost)
            if sum(map(len, rows[number].values())) == part.runs:
                yield Done(part, [row for _, some in sorted(rows.pop(number).items()) for row in some])


def _play(play: Callable[[Sequence[int]], Rows], seeds: Sequence[int]) -> Rows:
    """Play some seeds; what they leave behind is cleared away at the end, which is a tenth faster."""
    try:
        return play(seeds)
    finally:
        gc.collect()


def _batches(part: Part) -> Iterator[range]:
    """Yield seeds that take some seconds at a time."""
    size = max(1, min(100, round(4.0 / part.cost)))
    for at in range(0, part.runs, size):
        yield range(at, min(at + size, part.runs))


class _Progress:
    """Says twice a minute how far it is."""

    def __init__(self, whole: float) -> None:
        self._whole = whole
        self._done = 0.0
        self._began = self._said = time.monotonic()

    def add(self, cost: float) -> None:
        self._done += cost
        now = time.monotonic()
        if now - self._said < _SAY_EVERY:
            return
        self._said = now
        left = (now - self._began) * (self._whole / self._done - 1.0)
        print(f"  … {self._done / self._whole:.0%}, about {left / 60:.0f} min left", file=sys.stderr, flush=True)
