"""The writer: a worker's one thread that takes encoded blocks from the event loop's and appends them to segments.

The loop's thread leaves a block in a queue and goes on: no lock, no system call, no waking. The writer looks every few
hundredths of a second; what is still in the queue when a worker is killed is lost. When there is no room, in the queue
or on the disk, blocks are dropped and counted: the newest, because older records are somebody's evidence. After a pause
the disk is tried again, and the first thing that it then takes is how much is missing.
"""

import logging
import threading
from collections import Counter as Counted
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from monitoring.records.block import Gap, encode
from monitoring.records.frame import frame
from monitoring.records.segment import Segment, SegmentDirectory, close_abandoned, remove_oldest
from monitoring.series import Counter

log = logging.getLogger("sluice.records")


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """Bytes and seconds."""

    kept: int = 1 << 30
    """Bytes of closed segments, of all workers together; the oldest go."""
    queued: int = 16 << 20
    """Bytes that may wait for the disk."""
    segment: int = 16 << 20
    """A segment of this size is closed, and the next one begun."""
    age: float = 60.0
    """So is one of this age."""
    pause: float = 0.05
    """Between two looks at the queue."""
    retry: float = 1.0
    """Between two attempts at a disk that takes nothing."""
    together: int = 256 << 10
    """Bytes that are appended at once, and lost together where the disk is full."""

    def __post_init__(self) -> None:
        if self.kept < self.segment:
            raise ValueError(f"records: {self.kept} bytes are not enough for a segment of {self.segment}")


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """What became of one deployment's rows. `dropped` belongs to the loop's thread, the others to the writer's."""

    deployment: str
    written: Counter
    dropped: Counter
    failed: Counter


class Entry(NamedTuple):
    """An encoded block on its way, with the shape that it refers to."""

    shape: bytes
    """Its identity."""
    encoded_shape: bytes
    block: bytes
    rows: int
    counts: RecordCounts


class RecordWriter:
    """Appends what `put` is given.

    `clock` is monotonic, `wall` gives unix nanoseconds; `removed` counts segments that had to go.
    """

    def __init__(
        self,
        directory: SegmentDirectory,
        limits: WriterLimits,
        clock: Callable[[], float],
        wall: Callable[[], int],
        removed: Counter,
    ) -> None:
        self._directory = directory
        self._wall = wall
        self._limits = limits
        self._clock = clock
        self._removed = removed
        self._queue: deque[Entry] = deque()
        # One number each thread, so that neither needs a lock: what waits is the difference.
        self._put_bytes = 0
        self._taken_bytes = 0
        # Rows by deployment, again one each; and how many of them a gap has told of.
        self._dropped: Counted[str] = Counted()
        self._failed: Counted[str] = Counted()
        self._told: dict[str, tuple[int, int]] = {}
        self._segment: Segment | None = None
        self._opened = 0.0
        self._retry_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sluice-records", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Take a block, or drop and count it. From the loop's thread only; never waits, never raises."""
        size = len(entry.block)
        if self._put_bytes - self._taken_bytes + size > self._limits.queued:
            entry.counts.dropped.add(entry.rows)
            self._dropped[entry.counts.deployment] += entry.rows
            return
        self._put_bytes += size
        self._queue.append(entry)

    def close(self, patience: float) -> bool:
        """Write what was taken and close the segment; return whether that was done within `patience` seconds."""
        self._stopping.set()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._supervised(self._tidy)
        while not self._stopping.wait(self._limits.pause):
            self._supervised(self._turn)
        self._retry_at = 0.0
        self._supervised(self._turn)
        self._supervised(self._rotate)

    def _supervised(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # supervised: a defect here costs records and no more
            log.exception("decision records: the writer failed and goes on")

    def _turn(self) -> None:
        while self._queue:
            self._append(self._take())
        segment = self._segment
        if segment is not None and self._clock() - self._opened >= self._limits.age:
            self._rotate()

    def _take(self) -> list[Entry]:
        taken, size = [], 0
        while self._queue and size < self._limits.together:
            entry = self._queue.popleft()
            taken.append(entry)
            size += len(entry.block)
        self._taken_bytes += size
        return taken

    def _append(self, entries: list[Entry]) -> None:
        if self._clock() < self._retry_at:
            self._fail(entries)
            return
        told, gaps = self._gaps()
        try:
            segment = self._segment or self._open()
            shapes = {entry.shape: entry.encoded_shape for entry in entries if entry.shape not in segment.shapes}
            payloads = (*gaps, *shapes.values(), *(entry.block for entry in entries))
            segment.append(b"".join([frame(payload, segment.salt) for payload in payloads]))
        except OSError as exc:
            self._fail(entries)
            self._give_up(exc)
            return
        segment.shapes.update(shapes)
        self._told = told
        for entry in entries:
            entry.counts.written.add(entry.rows)
        if segment.size >= self._limits.segment:
            self._rotate()

    def _gaps(self) -> tuple[dict[str, tuple[int, int]], list[bytes]]:
        """Return what is missing of each deployment altogether, and what of that no segment tells yet."""
        if not self._dropped and not self._failed:
            return self._told, []
        dropped = dict(self._dropped)
        missing = {name: (dropped.get(name, 0), self._failed[name]) for name in sorted({*dropped, *self._failed})}
        told = {name: self._told.get(name, (0, 0)) for name in missing}
        until = self._wall()
        gaps = [
            encode(Gap(until, name, now[0] - told[name][0], now[1] - told[name][1]))
            for name, now in missing.items()
            if now != told[name]
        ]
        return missing, gaps

    def _fail(self, entries: list[Entry]) -> None:
        for entry in entries:
            entry.counts.failed.add(entry.rows)
            self._failed[entry.counts.deployment] += entry.rows

    def _open(self) -> Segment:
        self._segment = self._directory.open()
        self._opened = self._clock()
        if self._retry_at:
            log.warning("decision records are written again")
            self._retry_at = 0.0
        return self._segment

    def _give_up(self, error: OSError) -> None:
        """Leave the segment, and the disk alone for a while."""
        if not self._retry_at:
            where = self._directory.path
            log.error("decision records cannot be written and are dropped: make room in %s (%s)", where, error)
        self._retry_at = self._clock() + self._limits.retry
        self._rotate()

    def _rotate(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            try:
                segment.close()
            except OSError as exc:
                log.error("a segment of decision records could not be closed: %s", exc)
        self._tidy()

    def _tidy(self) -> None:
        """Close what dead workers left, and keep the bound."""
        close_abandoned(self._directory.path)
        removed = remove_oldest(self._directory.path, self._limits.kept)
        if removed:
            self._removed.add(removed)
