"""One battery for every sink of decision records: the writer on a real disk, and the shipped fake."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from gateway.record import Sink
from gateway.testing.kept_records import KeptRecords
from monitoring import metrics
from monitoring.exposition import WorkersCollector
from monitoring.records.reader import Tally, read_all
from monitoring.records.record import Record
from monitoring.records.segment import SegmentDirectory
from monitoring.records.writer import RecordWriter, WriterLimits
from monitoring.series import SeriesFile
from tests.unit.sample_records import SHAPE, block, counts_in, entry

Subject = tuple[Sink, Callable[[], list[Record]], Callable[[], None]]
CANARY = msgspec.structs.replace(SHAPE, arm="canary")


@pytest.fixture(params=["writer", "fake"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """A sink, how to end it and read everything, and how to leave it no room."""
    if request.param == "fake":
        kept = KeptRecords()
        yield kept, lambda: kept.records, lambda: setattr(kept, "full", True)
        return
    removed = SeriesFile(tmp_path / "metrics", 1).counter(metrics.RECORD_SEGMENTS_REMOVED, "0")
    files = SegmentDirectory(tmp_path / "records", 0, time.time_ns)
    writer = RecordWriter(files, WriterLimits(queued=100_000), time.monotonic, time.time_ns, removed)

    def read() -> list[Record]:
        writer.start()
        assert writer.close(30.0)
        found = read_all(tmp_path / "records", Tally())
        return [rows.record(row) for rows in found for row in range(len(rows.block.ids))]

    def fill() -> None:  # nobody takes what is put, for the writer has not been started
        size = len(entry(counts_in(tmp_path / "others"), block(["x"])).block)
        for _ in range(100_000 // size):
            writer.put(entry(counts_in(tmp_path / "others"), block(["x"])))

    yield writer, read, fill


def counted(tmp_path: Path, outcome: str) -> float:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkersCollector(tmp_path / "metrics"))
    labels = {"deployment": "fraud", "outcome": outcome}
    return registry.get_sample_value("sluice_records_total", labels) or 0.0


def test_what_is_put_can_be_read_in_order_and_is_counted(subject: Subject, tmp_path: Path) -> None:
    sink, read, _ = subject
    counts = counts_in(tmp_path / "metrics")
    sink.put(entry(counts, block(["a", "b"])))
    sink.put(entry(counts, block(["c"], CANARY), CANARY))
    sink.put(entry(counts, block(["d"])))
    assert [(record.request_id, record.arm) for record in read()] == [
        ("a", "champion"),
        ("b", "champion"),
        ("c", "canary"),
        ("d", "champion"),
    ]
    assert (counted(tmp_path, "written"), counted(tmp_path, "dropped")) == (4, 0)


def test_no_room_is_counted_and_nothing_is_raised(subject: Subject, tmp_path: Path) -> None:
    sink, read, fill = subject
    fill()
    sink.put(entry(counts_in(tmp_path / "metrics"), block(["a", "b"])))
    assert "a" not in [record.request_id for record in read()]
    assert (counted(tmp_path, "written"), counted(tmp_path, "dropped")) == (0, 2)
