"""Segment files: one worker appends to an open one, and whoever wants may read it; closed ones never change again.

An open segment is locked by its writer, and the kernel lets go of the lock with the process: what a killed worker left
open is known by that, and closed by the next one. Nothing is forced to the disk but at the end of a segment: the page
cache survives the death of a process, though not that of the machine. Records hold personal data: files are for their
owner only.
"""

import contextlib
import fcntl
import os
import secrets
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

from monitoring.records.block import FORMAT, Header, encode
from monitoring.records.frame import frame

OPEN, CLOSED = ".open", ".records"
_UNBORN = ".new"
Write = Callable[[int, bytes], int]


class Segment:
    """An open segment that this process appends to."""

    def __init__(self, path: Path, descriptor: int, salt: bytes, size: int, write: Write) -> None:
        self.path = path
        self.salt = salt
        self.size = size
        self._descriptor = descriptor
        self._empty = size
        self._write = write
        self.shapes: set[bytes] = set()
        """Identities of the shapes that stand in it."""

    def append(self, frames: bytes) -> None:
        """Append whole frames, or nothing: raises `OSError` where they do not fit, and takes back what was written."""
        left = memoryview(frames)
        try:
            while left:
                left = left[self._write(self._descriptor, left.tobytes()) :]
        except OSError:
            # What cannot be taken back is a torn frame, which readers step over.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(frames)

    def close(self) -> None:
        """Force it to the disk and give it its closed name; an empty one is removed. Raises `OSError`."""
        try:
            if self.size == self._empty:
                self.path.unlink(missing_ok=True)
                return
            os.fsync(self._descriptor)
            self.path.rename(self.path.with_suffix(CLOSED))
        finally:
            os.close(self._descriptor)


class SegmentDirectory:
    """Where one slot's worker makes its segments, beside those of the others. `wall` gives unix nanoseconds."""

    def __init__(self, path: Path, slot: int, wall: Callable[[], int], write: Write = os.write) -> None:
        self.path = path
        self._slot = slot
        self._wall = wall
        self._write = write

    def open(self) -> Segment:
        """Return a new segment. It gets its name when it is locked and has its header. Raises `OSError`."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        started, salt = self._wall(), secrets.token_bytes(8)
        path = self.path / f"{started:020d}-{self._slot}-{salt.hex()}{OPEN}"
        unborn = path.with_suffix(_UNBORN)
        descriptor = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            header = Header(FORMAT, self._slot, started, socket.gethostname(), os.getpid(), salt)
            framed = frame(encode(header), b"")
            Segment(path, descriptor, salt, 0, self._write).append(framed)
            unborn.rename(path)
        except OSError:
            os.close(descriptor)
            unborn.unlink(missing_ok=True)
            raise
        return Segment(path, descriptor, salt, len(framed), self._write)


def close_abandoned(directory: Path) -> int:
    """Give segments whose writer is dead their closed name; return how many. Raises `OSError`."""
    for path in directory.glob(f"*{_UNBORN}"):
        _if_abandoned(path, Path.unlink)
    return sum(_if_abandoned(path, _rename_closed) for path in directory.glob(f"*{OPEN}"))


def _rename_closed(path: Path) -> object:
    return path.rename(path.with_suffix(CLOSED))


def _if_abandoned(path: Path, act: Callable[[Path], object]) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:  # its writer has just closed it
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        act(path)
    except (BlockingIOError, FileNotFoundError):  # its writer lives; or another worker was first
        return False
    finally:
        os.close(descriptor)
    return True


def closed_segments(directory: Path) -> list[Path]:
    """Return the closed segments, oldest first."""
    return sorted(directory.glob(f"*{CLOSED}"))


def all_segments(directory: Path) -> list[Path]:
    """Return every segment that can be read, oldest first; of one that is closed meanwhile, its open name."""
    opened = sorted(directory.glob(f"*{OPEN}"))  # first: what is closed in between is then found twice, and not never
    found = {path.stem: path for path in (*opened, *closed_segments(directory))}
    return [found[stem] for stem in sorted(found)]


def salt_of(path: Path) -> bytes:
    """Return a segment's salt by its name, for when its header is damaged; empty where it has another name."""
    try:
        return bytes.fromhex(path.stem.rpartition("-")[2])
    except ValueError:
        return b""


def too_many(sizes: Iterable[tuple[Path, int]], limit: int) -> list[Path]:
    """Return which of these segments, given oldest first with their bytes, go so that the rest keeps the limit."""
    known = list(sizes)
    excess = sum(size for _, size in known) - limit
    going = []
    for path, size in known:
        if excess <= 0:
            break
        going.append(path)
        excess -= size
    return going


def remove_oldest(directory: Path, limit: int) -> int:
    """Remove closed segments, oldest first, until they have at most `limit` bytes; return how many went."""
    removed = 0
    for path in too_many(_sizes(closed_segments(directory)), limit):
        with contextlib.suppress(FileNotFoundError):  # another worker was first, and counts it
            path.unlink()
            removed += 1
    return removed


def _sizes(paths: Iterable[Path]) -> list[tuple[Path, int]]:
    found = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            found.append((path, path.stat().st_size))
    return found
