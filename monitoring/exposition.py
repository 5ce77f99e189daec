"""The `/metrics` page: the sum over every worker's series file, in Prometheus's text format."""

from collections.abc import Callable, Iterator
from operator import add
from pathlib import Path
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from monitoring.metrics import ALL, BY_NAME, Metric
from monitoring.series import SLOTS, read_index, size_of

Labels = tuple[str, ...]
Totals = dict[str, dict[Labels, list[float]]]


def read_totals(directory: Path) -> Totals:
    """Sum counters and histograms over all workers; of a gauge the largest value counts."""
    totals: Totals = {metric.name: {} for metric in ALL}
    for index_path in sorted(directory.glob("worker-*.series")):
        values = memoryview(index_path.with_suffix(".values").read_bytes()[: SLOTS * 8]).cast("d")
        for name, labels, offset in read_index(index_path):
            seen = values[offset : offset + size_of(BY_NAME[name])].tolist()
            known = totals[name].get(labels, [0.0] * len(seen))
            merge: Callable[[float, float], float] = max if BY_NAME[name].kind == "gauge" else add
            totals[name][labels] = [merge(a, b) for a, b in zip(known, seen, strict=True)]
    return totals


class WorkersCollector(Collector):
    """Gives prometheus_client the workers' totals, read anew at every scrape."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterator[Family]:
        """Yield one family per declared metric, also when it has no series yet."""
        totals = read_totals(self._directory)
        for metric in ALL:
            yield family_of(metric, totals[metric.name])


def family_of(metric: Metric, series: dict[Labels, list[float]]) -> Family:
    """Return prometheus_client's family of a metric; bucket counts become cumulative and `_count` is their sum."""
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, values in series.items():
            histogram.add_metric(labels, buckets=_cumulative(metric, values), sum_value=values[-1])
        return histogram
    kind: Any = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family: Family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, values in series.items():
        family.add_metric(labels, values[0])  # type: ignore[attr-defined]  # declared on the two concrete families
    return family


def _cumulative(metric: Metric, values: list[float]) -> list[tuple[str, float]]:
    buckets, total = [], 0.0
    for bound, count in zip((*map(repr, metric.buckets), "+Inf"), values[:-1], strict=True):
        total += count
        buckets.append((bound, total))
    return buckets


def serve_metrics(directory: Path, host: str, port: int) -> tuple[WSGIServer, Thread]:
    """Serve `/metrics` from a thread of this process. Raises `OSError` when the port is taken."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkersCollector(directory))
    return start_http_server(port, addr=host, registry=registry)
