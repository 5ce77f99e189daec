"""Segments: for their owner only, never lost with their worker, and never more than their bound."""

import errno
import os
import stat
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.records.block import Header, decode
from monitoring.records.frame import read_frame
from monitoring.records.segment import (
    SegmentDirectory,
    all_segments,
    close_abandoned,
    closed_segments,
    remove_oldest,
    salt_of,
    too_many,
)

NAMES = count(1).__next__


def names(paths: list[Path]) -> list[str]:
    return [path.name.rsplit("-", 1)[0].lstrip("0") + path.suffix for path in paths]


def directory(tmp_path: Path, slot: int = 0) -> SegmentDirectory:
    return SegmentDirectory(tmp_path / "records", slot, NAMES)


def test_a_segment_begins_with_its_header_and_is_for_its_owner_only(tmp_path: Path) -> None:
    segment = directory(tmp_path, slot=3).open()
    segment.append(b"frames")
    segment.close()
    (path,) = closed_segments(tmp_path / "records")
    payload = read_frame(path.read_bytes(), 0, b"")
    assert payload is not None
    header = decode(payload)
    assert isinstance(header, Header)
    assert (header.slot, header.pid, header.salt) == (3, os.getpid(), salt_of(path))
    assert path.read_bytes().endswith(b"frames")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_empty_segment_leaves_nothing(tmp_path: Path) -> None:
    directory(tmp_path).open().close()
    assert list((tmp_path / "records").iterdir()) == []


def test_a_living_workers_segment_is_left_open_and_a_dead_ones_is_closed(tmp_path: Path) -> None:
    segment = directory(tmp_path).open()
    segment.append(b"frames")
    assert close_abandoned(tmp_path / "records") == 0
    assert [path.suffix for path in all_segments(tmp_path / "records")] == [".open"]
    child = os.fork()
    if child == 0:  # a worker that dies with its segment open
        directory(tmp_path, slot=1).open().append(b"frames")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert close_abandoned(tmp_path / "records") == 1
    assert sorted(path.suffix for path in all_segments(tmp_path / "records")) == [".open", ".records"]
    segment.close()


def test_what_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    def full(descriptor: int, data: bytes) -> int:
        if data.startswith(b"too"):
            raise OSError(errno.ENOSPC, "full")
        return os.write(descriptor, data[: -len(b"too much")] or data)

    segment = SegmentDirectory(tmp_path, 0, NAMES, full).open()
    segment.append(b"frames")
    size = segment.size
    with pytest.raises(OSError, match="full"):
        segment.append(b"a long frame that is too much")
    assert segment.path.stat().st_size == segment.size == size
    segment.append(b"later")
    segment.close()
    (path,) = closed_segments(tmp_path)
    assert path.read_bytes().endswith(b"frameslater")


def test_a_segment_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        SegmentDirectory(tmp_path, 0, NAMES, full).open()
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_go_and_the_open_one_stays(tmp_path: Path) -> None:
    place = directory(tmp_path)
    for _ in range(4):
        segment = place.open()
        segment.append(b"x" * 1000)
        segment.close()
    kept = closed_segments(place.path)
    living = place.open()
    living.append(b"x" * 1000)
    assert remove_oldest(place.path, 2500) == 2
    assert all_segments(place.path) == [*kept[2:], living.path]
    living.close()


@given(st.lists(st.integers(0, 100)), st.integers(0, 500))
def test_no_more_goes_than_must(sizes: list[int], limit: int) -> None:
    known = [(Path(str(number)), size) for number, size in enumerate(sizes)]
    going = too_many(known, limit)
    assert going == [path for path, _ in known[: len(going)]]
    assert sum(sizes[len(going) :]) <= limit
    assert not going or sum(sizes[len(going) - 1 :]) > limit
