"""The writer: everything put is written or counted, whatever the disk does, and nobody waits for it."""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from gateway.testing.manual_clock import ManualClock
from monitoring import metrics
from monitoring.exposition import WorkersCollector
from monitoring.records.reader import Tally, read_all
from monitoring.records.segment import SegmentDirectory, all_segments, closed_segments
from monitoring.records.writer import RecordWriter, WriterLimits
from monitoring.series import SeriesFile
from tests.unit.sample_records import NOON, SHAPE, block, counts_in, entry

PATIENCE = 30.0


class Disk:
    """Writes for real, unless it is told to hang or to be full."""

    def __init__(self) -> None:
        self.full = False
        self.open = threading.Event()
        self.open.set()
        self.asked = threading.Event()

    def write(self, descriptor: int, data: bytes) -> int:
        self.asked.set()
        assert self.open.wait(PATIENCE)
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(descriptor, data)


class House:
    """A writer with its directory, disk, clock and counts."""

    def __init__(self, tmp_path: Path, limits: WriterLimits) -> None:
        self.path = tmp_path / "records"
        self.disk, self.clock = Disk(), ManualClock(100.0)
        self.counts = counts_in(tmp_path / "metrics")
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(WorkersCollector(tmp_path / "metrics"))
        self._moment = NOON
        removed = SeriesFile(tmp_path / "metrics", 1).counter(metrics.RECORD_SEGMENTS_REMOVED, "0")
        files = SegmentDirectory(self.path, 0, self._wall, self.disk.write)
        self.writer = RecordWriter(files, limits, self.clock, self._wall, removed)

    def _wall(self) -> int:
        self._moment += 1
        return self._moment

    def put(self, *ids: str) -> None:
        self.writer.put(entry(self.counts, block(list(ids))))

    def counted(self, outcome: str) -> float:
        labels = {"deployment": "fraud", "outcome": outcome}
        return self._registry.get_sample_value("sluice_records_total", labels) or 0.0

    def removed(self) -> float:
        return self._registry.get_sample_value("sluice_record_segments_removed_total", {"slot": "0"}) or 0.0

    def read(self) -> tuple[list[str], Tally]:
        tally = Tally()
        return [name for found in read_all(self.path, tally) for name in found.block.ids], tally


Build = Callable[..., House]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    houses: list[House] = []

    def make(**limits: float) -> House:
        house = House(tmp_path, WriterLimits(**{"pause": 0.001, **limits}))  # type: ignore[arg-type]
        house.writer.start()
        houses.append(house)
        return house

    yield make
    for house in houses:
        house.disk.open.set()
        assert house.writer.close(PATIENCE)


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.001)  # polls a thread


def test_what_was_put_can_be_read_while_the_segment_is_open_and_after(build: Build) -> None:
    house = build()
    house.put("a", "b")
    house.put("c")
    until(lambda: house.counted("written") == 3)
    assert house.read()[0] == ["a", "b", "c"]
    assert [path.suffix for path in all_segments(house.path)] == [".open"]
    assert house.writer.close(PATIENCE)
    names, tally = house.read()
    assert (names, tally.torn, tally.damaged, tally.unknown) == (["a", "b", "c"], 0, 0, 0)
    assert [path.suffix for path in all_segments(house.path)] == [".records"]


def test_everything_that_waits_is_written_before_the_end(build: Build) -> None:
    house = build(together=2000)
    house.disk.open.clear()
    for number in range(200):
        house.put(str(number))
    house.disk.open.set()
    assert house.writer.close(PATIENCE)
    assert house.read()[0] == [str(number) for number in range(200)]
    assert house.counted("written") == 200


def test_a_segment_of_its_size_is_closed_and_says_again_what_its_rows_have_in_common(build: Build) -> None:
    house = build(segment=1000, kept=1 << 20, together=1)
    for number in range(20):
        house.put(str(number))
    until(lambda: house.counted("written") == 20)
    closed = closed_segments(house.path)
    assert len(closed) > 5
    closed[0].unlink()  # and the next ones can be read without it
    names, tally = house.read()
    assert names == [str(number) for number in range(20 - len(names), 20)]
    assert (len(names) > 10, tally.unknown) == (True, 0)


def test_a_segment_of_its_age_is_closed_though_nothing_comes(build: Build) -> None:
    house = build(age=60.0)
    house.put("a")
    until(lambda: house.counted("written") == 1)
    assert closed_segments(house.path) == []
    house.clock.advance(60.0)
    until(lambda: len(closed_segments(house.path)) == 1)


def test_the_oldest_segments_go_and_are_counted(build: Build) -> None:
    house = build(segment=1000, kept=5000, together=1)
    for number in range(100):
        house.put(str(number))
    until(lambda: house.counted("written") == 100)
    assert house.writer.close(PATIENCE)
    names, tally = house.read()
    assert names == [str(number) for number in range(100 - len(names), 100)]
    assert 0 < len(names) < 20
    assert tally.bytes <= 5000
    assert house.removed() > 5


def test_a_slow_disk_costs_records_and_is_counted_and_nobody_waits(build: Build) -> None:
    house = build(queued=5000)
    house.disk.open.clear()
    for number in range(100):  # returns, though the disk hangs
        house.put(str(number))
    assert house.disk.asked.wait(PATIENCE)
    dropped = house.counted("dropped")
    assert 50 < dropped < 100
    house.disk.open.set()
    until(lambda: house.counted("written") + dropped == 100)
    house.put("later")
    until(lambda: house.counted("written") + dropped == 101)
    names, tally = house.read()
    assert len(names) == 101 - dropped
    assert names[-1] == "later"
    assert dict(tally.dropped) == {"fraud": dropped}, "the records themselves say what is missing"


def test_a_full_disk_costs_records_until_there_is_room_again(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    house = build(retry=1.0)
    house.put("before")
    until(lambda: house.counted("written") == 1)
    house.disk.full = True
    for number in range(50):
        house.put(str(number))
        until(lambda number=number: house.counted("failed") == number + 1)  # type: ignore[misc]
        house.clock.advance(0.1)
    assert caplog.text.count("make room") == 1, "said once, not for every block"
    assert house.counted("dropped") == 0
    house.disk.full = False
    house.clock.advance(1.0)
    house.put("after")
    until(lambda: house.counted("written") == 2)
    assert "written again" in caplog.text
    names, tally = house.read()
    assert names == ["before", "after"]
    assert (dict(tally.failed), tally.torn, tally.damaged) == ({"fraud": 50}, 0, 0)


def test_a_disk_that_is_full_from_the_start_leaves_nothing_behind(build: Build) -> None:
    house = build()
    house.disk.full = True
    house.put("a")
    until(lambda: house.counted("failed") == 1)
    assert list(house.path.iterdir()) == []


def test_a_dead_workers_segment_is_closed_by_the_next_one(build: Build, tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        dead = SegmentDirectory(tmp_path / "records", 0, lambda: NOON).open()
        dead.append(b"a torn frame")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    house = build()
    until(lambda: len(closed_segments(house.path)) == 1)
    assert house.read()[1].torn == 1


def test_limits_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="not enough"):
        WriterLimits(kept=1000, segment=2000)


def test_the_shape_of_the_samples_is_whole() -> None:
    assert len(SHAPE.stored) == sum(width for _, width in SHAPE.views)
