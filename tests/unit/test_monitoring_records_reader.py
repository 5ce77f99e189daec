"""Reading: the newest of what is wanted, while it is being written, whatever lies between."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from monitoring.records.block import FORMAT, Block, Header, Shape, encode, identity
from monitoring.records.frame import frame
from monitoring.records.reader import RecordsError, Tally, follow, newest, read_all
from monitoring.records.segment import Segment, SegmentDirectory, closed_segments
from monitoring.records.selection import Selection, read_since
from monitoring.records.table import heading, line_of, page_of
from tests.unit.sample_records import NOON, SECOND, SHAPE, block

CANARY = msgspec.structs.replace(SHAPE, arm="canary", version="2")
QUOTES = msgspec.structs.replace(SHAPE, deployment="quotes")
EVERYTHING = Selection()


class Place:
    """A directory of segments, written by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._now = NOON

    def open(self, slot: int = 0) -> Segment:
        self._now += SECOND
        return SegmentDirectory(self.path, slot, lambda: self._now).open()

    def add(self, segment: Segment, found: Block, shape: Shape = SHAPE) -> None:
        encoded = encode(shape)
        found = msgspec.structs.replace(found, shape=identity(encoded))
        pieces = [encode(found)] if identity(encoded) in segment.shapes else [encoded, encode(found)]
        segment.append(b"".join([frame(piece, segment.salt) for piece in pieces]))
        segment.shapes.add(identity(encoded))

    def names(self, selection: Selection = EVERYTHING, limit: int = 100) -> list[str]:
        return [record.request_id for record in newest(self.path, selection, limit, Tally())]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "records")


def test_the_newest_come_last_over_all_workers(place: Place) -> None:
    first, second = place.open(0), place.open(1)
    for number in range(6):
        segment = (first, second)[number % 2]
        place.add(segment, block([str(number)], written=NOON + number))
    first.close()
    assert place.names() == ["0", "1", "2", "3", "4", "5"]
    assert place.names(limit=2) == ["4", "5"]
    second.close()
    assert place.names(limit=3) == ["3", "4", "5"]


def test_what_is_wanted_and_nothing_else(place: Place) -> None:
    segment = place.open()
    place.add(segment, block(["a", "b"], decisions=["approve", "decline"], written=NOON))
    place.add(segment, block(["c"], errors={0: ("PREDICTION_FAILED", "nan")}, decisions=[""], written=NOON + 1))
    place.add(segment, block(["d"], assigned="canary", written=NOON + 2), CANARY)
    place.add(segment, block(["e"], assigned="canary", written=NOON + 3))
    place.add(segment, block(["many/0", "many/1", "many2"], written=NOON + 4), QUOTES)
    assert place.names(Selection(decision="decline")) == ["b"]
    assert place.names(Selection(code="PREDICTION_FAILED")) == ["c"]
    assert place.names(Selection(code="OK", deployment="fraud")) == ["a", "b", "d", "e"]
    assert place.names(Selection(arm="canary")) == ["d", "e"]
    assert place.names(Selection(request_id="many")) == ["many/0", "many/1"]
    assert place.names(Selection(request_id="many/1")) == ["many/1"]
    assert place.names(Selection(since=NOON + 3)) == ["e", "many/0", "many/1", "many2"]
    assert place.names(Selection(deployment="credit")) == []


def test_a_torn_end_is_counted_once_its_segment_is_closed(place: Place) -> None:
    segment = place.open()
    place.add(segment, block(["a"]))
    segment.append(frame(encode(block(["torn"])), segment.salt)[:-1])
    tally = Tally()
    assert [found.block.ids for found in read_all(place.path, tally)] == [["a"]]
    assert (tally.torn, tally.opened) == (0, 1), "it may still be being written"
    segment.close()
    tally = Tally()
    assert len(list(read_all(place.path, tally))) == 1
    assert (tally.torn, tally.opened, tally.segments) == (1, 0, 1)


def test_damage_costs_a_block_or_the_header_and_is_counted(place: Place) -> None:
    segment = place.open()
    for name in ("a", "b", "c"):
        place.add(segment, block([name]))
    segment.close()
    (path,) = closed_segments(place.path)
    data = bytearray(path.read_bytes())
    data[data.index(b"unit b")] ^= 1
    path.write_bytes(data)
    tally = Tally()
    assert [found.block.ids for found in read_all(place.path, tally)] == [["a"], ["c"]]
    assert tally.damaged == 1
    data[10] ^= 1
    path.write_bytes(data)
    tally = Tally()
    assert [found.block.ids for found in read_all(place.path, tally)] == [["a"], ["c"]]
    assert tally.damaged == 2


def test_a_block_whose_shape_is_lost_is_counted(place: Place) -> None:
    segment = place.open()
    segment.append(frame(encode(block(["a"])), segment.salt))
    segment.append(frame(msgspec.msgpack.encode(["weather", "rain"]), segment.salt))
    tally = Tally()
    assert list(read_all(place.path, tally)) == []
    assert tally.unknown == 2


def test_a_newer_format_is_refused_in_one_line(place: Place) -> None:
    place.path.mkdir()
    header = Header(FORMAT + 1, 0, NOON, "host", 1, b"salt")
    (place.path / "1-0-aa.records").write_bytes(frame(encode(header), b""))
    with pytest.raises(RecordsError, match="newer sluice"):
        list(read_all(place.path, Tally()))


def test_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="no decision records here"):
        newest(tmp_path / "nowhere", EVERYTHING, 1, Tally())


def test_following_shows_what_comes_over_the_change_of_segments(place: Place) -> None:
    segment = place.open()
    place.add(segment, block(["before"]))
    later = [["a"], ["b", "c"], ["d"]]

    def steps() -> Iterator[bool]:
        nonlocal segment
        for number, ids in enumerate(later):
            place.add(segment, block(ids))
            if number == 1:
                segment.close()
                segment = place.open()
            yield True
        yield False

    step = steps()
    found = [record.request_id for record in follow(place.path, EVERYTHING, Tally(), lambda: next(step))]
    assert found == ["a", "b", "c", "d"]


def test_ages_and_moments() -> None:
    assert read_since("90s", 1000.0) == 910 * SECOND
    assert read_since("1.5h", 10_000.0) == 4600 * SECOND
    assert read_since("1970-01-01T00:01", 0.0) == 60 * SECOND
    assert read_since("1970-01-01T01:00:00+01:00", 0.0) == 0
    with pytest.raises(ValueError, match="give an age like 15m"):
        read_since("yesterday", 0.0)


def test_a_line_says_the_main_things(place: Place) -> None:
    segment = place.open()
    place.add(segment, block(["7105-1"], assigned="canary", degraded={0: ("features_late",)}))
    place.add(segment, block(["7105-2"], decisions=[""], outputs=[{}], errors={0: ("DEADLINE_EXCEEDED", "late")}))
    tally = Tally()
    lines = [line_of(record) for record in newest(place.path, EVERYTHING, 10, tally)]
    assert datetime.fromtimestamp(NOON / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.000") in lines[0]
    assert "champion 1 for canary" in lines[0]
    assert "approve     score=0" in lines[0]
    assert lines[0].endswith("0.55 ms  features_late")
    assert "DEADLINE_EXCEEDED" in lines[1]
    assert lines[1].endswith("0.55 ms  late")
    assert heading().startswith("time (UTC)")
    page = page_of(tally)
    assert "records   2 of fraud" in page
    assert "segments  1, of which 1 open" in page
    assert "span      (no records)" in page_of(Tally())
