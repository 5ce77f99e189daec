"""Frames: how pieces of bytes follow each other in a segment, so that a torn or damaged one is seen and stepped over.

A frame is a mark, the payload's length, a CRC32 over salt, length and payload, and the payload. The mark lets a reader
find the next frame where a length was damaged; without it everything behind would be lost with it. The salt is the
segment's own: without it a caller could send a whole frame inside a feature, and once the frame around it is torn, have
it read.
"""

import struct
import zlib
from collections.abc import Iterator

MARK = b"\xf5SLr"
_HEAD = struct.Struct("<4sII")
_LENGTH = struct.Struct("<I")
LONGEST = 1 << 26
"""Bytes of a payload; a length above it is damage."""


def frame(payload: bytes, salt: bytes) -> bytes:
    """Return the payload in its frame. Raises `ValueError` when it is longer than `LONGEST`."""
    if len(payload) > LONGEST:
        raise ValueError(f"a frame holds at most {LONGEST} bytes, not {len(payload)}")
    return _HEAD.pack(MARK, len(payload), _sum(payload, salt)) + payload


def read_frame(data: bytes, at: int, salt: bytes) -> bytes | None:
    """Return the payload of the frame that begins at `at`, None if no whole one does."""
    first = at + _HEAD.size
    if first > len(data):
        return None
    mark, length, expected = _HEAD.unpack_from(data, at)
    if mark != MARK or length > LONGEST or first + length > len(data):
        return None
    payload = data[first : first + length]
    return payload if _sum(payload, salt) == expected else None


def size_of(payload: bytes) -> int:
    """Return how long the payload's frame is."""
    return _HEAD.size + len(payload)


def _sum(payload: bytes, salt: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(salt + _LENGTH.pack(len(payload))))


class Scan:
    """The payloads of the whole frames in `data`, from `start` on, in order; iterate once."""

    def __init__(self, data: bytes, salt: bytes, start: int = 0) -> None:
        self._data = data
        self._salt = salt
        self.end = start
        """Behind the last whole frame that was given out; a reader of a growing file goes on from here."""
        self.damaged = 0
        """Places before `end` that were no whole frame."""

    @property
    def torn(self) -> int:
        """Bytes behind the last whole frame, once all have been given out."""
        return len(self._data) - self.end

    def __iter__(self) -> Iterator[bytes]:
        at = self.end
        while (found := self._data.find(MARK, at)) >= 0:
            payload = read_frame(self._data, found, self._salt)
            if payload is None:
                at = found + 1
                continue
            self.damaged += found > self.end
            self.end = at = found + size_of(payload)
            yield payload
