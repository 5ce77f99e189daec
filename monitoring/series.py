"""A worker's metric values: one memory-mapped file of doubles that it alone writes and the supervisor reads.

Counting is one addition in shared memory: no lock, no system call, nothing that can raise into a request. The values
outlive the worker, and the next worker of the same slot goes on counting in the same file, so totals stay exact over
restarts. prometheus_client's own multiprocess mode was the alternative: one lock and one bytes-packing call per
observation, and no way to add a whole list at once.

Beside `worker-N.values` lies `worker-N.series`: one JSON line per series, naming its metric, labels and offset.
"""

import json
import mmap
import os
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from monitoring.metrics import BY_NAME, Metric

SLOTS = 1 << 16

if TYPE_CHECKING:
    Values = memoryview[float]  # generic in its stubs only


class SeriesFull(RuntimeError):
    """More series than the file has room for: labels are bounded by what is declared, never by what callers send."""


class Counter:
    """A number that only grows."""

    __slots__ = ("_offset", "_values")

    def __init__(self, values: "Values", offset: int) -> None:
        self._values = values
        self._offset = offset

    def add(self, amount: float = 1.0) -> None:
        """Add `amount`, which must not be negative."""
        self._values[self._offset] += amount


class Gauge:
    """A number that is set."""

    __slots__ = ("_offset", "_values")

    def __init__(self, values: "Values", offset: int) -> None:
        self._values = values
        self._offset = offset

    def set(self, value: float) -> None:
        """Set the value."""
        self._values[self._offset] = value


class Histogram:
    """Counts by bucket, then the sum of what was observed."""

    __slots__ = ("_bounds", "_offset", "_sum", "_values")

    def __init__(self, values: "Values", offset: int, bounds: tuple[float, ...]) -> None:
        self._values = values
        self._offset = offset
        self._bounds = bounds
        self._sum = offset + len(bounds) + 1

    def observe(self, value: float) -> None:
        """Count `value` into its bucket; a bound belongs to its own bucket, as Prometheus's `le` says."""
        values = self._values
        values[self._offset + bisect_left(self._bounds, value)] += 1.0
        values[self._sum] += value

    def observe_since(self, moments: Iterable[float], now: float) -> None:
        """Count what has passed since each of the moments: `observe(now - moment)` for a whole list."""
        values, bounds, offset = self._values, self._bounds, self._offset
        total = 0.0
        for moment in moments:
            passed = now - moment
            values[offset + bisect_left(bounds, passed)] += 1.0
            total += passed
        values[self._sum] += total


class SeriesFile:
    """Hands out counters, gauges and histograms of one worker slot, or of the supervisor.

    Raises `SeriesFull` when a new series does not fit, and `KeyError` for labels that do not match the declaration.
    """

    def __init__(self, directory: Path, slot: int | str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._index_path = directory / f"worker-{slot}.series"
        values_path = directory / f"worker-{slot}.values"
        with values_path.open("ab") as file:
            # Real blocks, not a hole: on a full disk this is an error now, and not a dead worker at the first count.
            os.posix_fallocate(file.fileno(), 0, SLOTS * 8)
        with values_path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SLOTS * 8)
        self._values = memoryview(self._map).cast("d")
        self._offsets = {(name, labels): offset for name, labels, offset in read_index(self._index_path)}
        self._next = max((at + size_of(BY_NAME[name]) for (name, _), at in self._offsets.items()), default=0)

    def counter(self, metric: Metric, *labels: str) -> Counter:
        """Return the counter with these label values, in the declared order."""
        return Counter(self._values, self._offset(metric, labels))

    def gauge(self, metric: Metric, *labels: str) -> Gauge:
        """Return the gauge with these label values."""
        return Gauge(self._values, self._offset(metric, labels))

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """Return the histogram with these label values."""
        return Histogram(self._values, self._offset(metric, labels), metric.buckets)

    def zero(self, metric: Metric) -> None:
        """Set every series of a gauge to 0, so that what a former worker held is not still claimed."""
        for (name, _), offset in self._offsets.items():
            if name == metric.name:
                self._values[offset] = 0.0

    def _offset(self, metric: Metric, labels: tuple[str, ...]) -> int:
        if len(labels) != len(metric.labels):
            raise KeyError(f"{metric.name} has labels {metric.labels}, not {labels}")
        key = (metric.name, labels)
        if key not in self._offsets:
            if self._next + size_of(metric) > SLOTS:
                raise SeriesFull(f"no room for {metric.name}{labels}")
            with self._index_path.open("a") as file:
                file.write(json.dumps([metric.name, labels, self._next]) + "\n")
            self._offsets[key] = self._next
            self._next += size_of(metric)
        return self._offsets[key]


def size_of(metric: Metric) -> int:
    """Return how many doubles a series of this metric takes."""
    return len(metric.buckets) + 2 if metric.kind == "histogram" else 1


def read_index(path: Path) -> list[tuple[str, tuple[str, ...], int]]:
    """Return (metric, label values, offset) of every series, skipping a line that is still being written."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[:-1]
    entries = [json.loads(line) for line in lines]
    return [(name, tuple(labels), offset) for name, labels, offset in entries if name in BY_NAME]
