"""Reads segments, also those that are being written: whole blocks, and a tally of what could not be read."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from monitoring.records.block import FORMAT, Block, Gap, Header, Shape, decode, identity
from monitoring.records.frame import Scan, read_frame, size_of
from monitoring.records.record import BlockRows, Record
from monitoring.records.segment import CLOSED, OPEN, all_segments, salt_of
from monitoring.records.selection import Selection

Shapes = dict[bytes, Shape]


class RecordsError(ValueError):
    """Records that cannot be read; one clear line says which, and what to do."""


@dataclass(slots=True)
class Tally:
    """What was met while reading."""

    segments: int = 0
    opened: int = 0
    """Those of them that are being written, or were when their worker died."""
    bytes: int = 0
    blocks: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    """By deployment."""
    first: int = 0
    last: int = 0
    """When the oldest and the newest block were written, unix nanoseconds; 0 where there is none."""
    damaged: int = 0
    """Places that were no whole block."""
    torn: int = 0
    """Segments that end in the middle of a block: their worker was killed."""
    unknown: int = 0
    """Blocks of a kind that this reader does not know, or whose shape is lost."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Rows by deployment that are not here, because there was no room in the queue."""
    failed: Counter[str] = field(default_factory=Counter)
    """The same, on the disk."""

    def count(self, block: Block, deployment: str) -> None:
        """Count a block that was read."""
        self.blocks += 1
        self.rows[deployment] += len(block.ids)
        self.first = min(self.first or block.written, block.written)
        self.last = max(self.last, block.written)


class SegmentReader:
    """Reads one segment, as far as it has been written each time. `shapes` is shared by all that are read together."""

    def __init__(self, path: Path, shapes: Shapes, tally: Tally) -> None:
        self._path = path
        self._shapes = shapes
        self._tally = tally
        self._at = 0
        self._slot = -1
        self._salt = salt_of(path)

    def read(self) -> Iterator[BlockRows]:
        """Yield the blocks that have come since the last time. Raises `RecordsError`, `OSError`."""
        data = self._load()
        start = 0 if self._at else self._begin(data)
        scan = Scan(data, self._salt, start)
        for payload in scan:
            yield from self._take(payload)
        self._at += scan.end
        self._tally.bytes += scan.end
        self._tally.damaged += scan.damaged
        # What is still being written ends where it ends.
        self._tally.torn += scan.torn > 0 and self._path.suffix == CLOSED

    def _load(self) -> bytes:
        for path in (self._path, self._path.with_suffix(CLOSED)):
            try:
                with path.open("rb") as file:
                    file.seek(self._at)
                    data = file.read()
            except FileNotFoundError:
                continue
            self._path = path
            return data
        return b""  # it went, to keep the bound

    def _take(self, payload: bytes) -> Iterator[BlockRows]:
        piece = decode(payload)
        if isinstance(piece, Block) and piece.shape in self._shapes:
            shape = self._shapes[piece.shape]
            self._tally.count(piece, shape.deployment)
            yield BlockRows(piece, shape, self._slot)
        elif isinstance(piece, Shape):
            self._shapes[identity(payload)] = piece
        elif isinstance(piece, Gap):
            self._tally.dropped[piece.deployment] += piece.dropped
            self._tally.failed[piece.deployment] += piece.failed
        else:
            self._tally.unknown += 1

    def _begin(self, data: bytes) -> int:
        """Read the header; return where it ends. Without it the rest can still be read: the name says the salt."""
        if data:
            self._tally.segments += 1
            self._tally.opened += self._path.suffix == OPEN
        payload = read_frame(data, 0, b"")
        header = None if payload is None else decode(payload)
        if payload is None or not isinstance(header, Header):
            return 0
        if header.format > FORMAT:
            raise RecordsError(
                f"{self._path}: format {header.format}, and this reader knows {FORMAT}: read it with a newer sluice"
            )
        self._slot, self._salt = header.slot, header.salt
        return size_of(payload)


def segments_of(directory: Path) -> list[Path]:
    """Return every segment, oldest first. Raises `RecordsError` when there is no such directory."""
    if not directory.is_dir():
        raise RecordsError(
            f"{directory}: no decision records here; a deployment declares them with records: {{share: 1.0}}"
        )
    return all_segments(directory)


def read_all(directory: Path, tally: Tally) -> Iterator[BlockRows]:
    """Yield every block, segment after segment."""
    shapes: Shapes = {}
    for path in segments_of(directory):
        yield from SegmentReader(path, shapes, tally).read()


def newest(directory: Path, selection: Selection, limit: int, tally: Tally) -> list[Record]:
    """Return the newest rows of a selection, newest last.

    Segments are read from the newest on, and none that was last written before all that is wanted.
    """
    shapes: Shapes = {}
    found: list[tuple[int, int, BlockRows, int]] = []
    number = 0
    for written, path in sorted(((_last_written(path), path) for path in segments_of(directory)), reverse=True):
        oldest_wanted = max(selection.since, found[0][0] if len(found) == limit else 0)
        if written < oldest_wanted:
            break
        for block in SegmentReader(path, shapes, tally).read():
            for row in selection.rows(block):
                number += 1
                push = heapq.heappushpop if len(found) == limit else heapq.heappush
                push(found, (block.block.written, number, block, row))
    return [block.record(row) for _, _, block, row in sorted(found, key=lambda one: one[:2])]


def _last_written(path: Path) -> int:
    for name in (path, path.with_suffix(CLOSED)):
        try:
            return name.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return 0


def follow(directory: Path, selection: Selection, tally: Tally, wait: Callable[[], bool]) -> Iterator[Record]:
    """Yield rows as they come, from now on, until `wait` returns False; it is called when there is nothing new."""
    shapes: Shapes = {}
    readers: dict[str, SegmentReader] = {}
    first = True
    while True:
        for path in segments_of(directory):
            reader = readers.setdefault(path.stem, SegmentReader(path, shapes, tally))
            for block in reader.read():
                if not first:
                    yield from (block.record(row) for row in selection.rows(block))
        first = False
        if not wait():
            return
