"""Metric files: exact over workers and restarts, and the page that sums them."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitoring import metrics, series
from monitoring.exposition import WorkersCollector
from monitoring.series import SeriesFile, SeriesFull


@pytest.fixture
def registry(tmp_path: Path) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkersCollector(tmp_path))
    return registry


CALL = {"deployment": "fraud", "arm": "champion", "code": "OK"}


def test_counters_are_the_sum_over_workers(tmp_path: Path, registry: CollectorRegistry) -> None:
    for slot, amount in enumerate((3, 4)):
        SeriesFile(tmp_path, slot).counter(metrics.CALLS, "fraud", "champion", "OK").add(amount)
    assert registry.get_sample_value("sluice_calls_total", CALL) == 7


def test_a_worker_that_starts_anew_goes_on_counting(tmp_path: Path, registry: CollectorRegistry) -> None:
    for _ in range(3):
        file = SeriesFile(tmp_path, 0)
        file.histogram(metrics.LIST_ROWS, "other").observe(1.0)
        file.counter(metrics.CALLS, "fraud", "champion", "OK").add(2)
    assert registry.get_sample_value("sluice_calls_total", CALL) == 6


def test_histograms_are_cumulative_and_count_what_was_observed(tmp_path: Path, registry: CollectorRegistry) -> None:
    histogram = SeriesFile(tmp_path, 0).histogram(metrics.LIST_ROWS, "fraud")
    for value in (1, 1, 2, 3, 300):
        histogram.observe(value)

    def bucket(bound: str) -> float | None:
        return registry.get_sample_value("sluice_list_rows_bucket", {"deployment": "fraud", "le": bound})

    assert [bucket(bound) for bound in ("1.0", "2.0", "4.0", "256.0", "+Inf")] == [2, 3, 4, 4, 5]
    assert registry.get_sample_value("sluice_list_rows_count", {"deployment": "fraud"}) == 5
    assert registry.get_sample_value("sluice_list_rows_sum", {"deployment": "fraud"}) == 307


def test_gauges_take_the_largest_and_can_be_forgotten(tmp_path: Path, registry: CollectorRegistry) -> None:
    labels = {"deployment": "fraud", "arm": "champion", "version": "1", "digest": "abc"}
    files = [SeriesFile(tmp_path, slot) for slot in range(2)]
    for file in files:
        file.gauge(metrics.BUNDLE, *labels.values()).set(1.0)
    assert registry.get_sample_value("sluice_bundle_info", labels) == 1
    for file in files:
        file.zero(metrics.BUNDLE)
    assert registry.get_sample_value("sluice_bundle_info", labels) == 0


def test_a_line_that_is_still_being_written_is_not_read(tmp_path: Path, registry: CollectorRegistry) -> None:
    SeriesFile(tmp_path, 0).counter(metrics.CALLS, "fraud", "champion", "OK").add()
    with (tmp_path / "worker-0.series").open("a") as file:
        file.write('["sluice_calls_to')
    assert registry.get_sample_value("sluice_calls_total", CALL) == 1


def test_labels_must_match_the_declaration(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="sluice_calls_total"):
        SeriesFile(tmp_path, 0).counter(metrics.CALLS, "fraud")


def test_no_room_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "SLOTS", 2)
    file = SeriesFile(tmp_path, 0)
    file.counter(metrics.CALLS, "a", "b", "c")
    file.counter(metrics.CALLS, "a", "b", "d")
    with pytest.raises(SeriesFull):
        file.counter(metrics.CALLS, "a", "b", "e")


def test_names_and_buckets_are_sound() -> None:
    assert len(metrics.BY_NAME) == len(metrics.ALL)
    for metric in metrics.ALL:
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert (metric.kind == "histogram") == bool(metric.buckets)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
