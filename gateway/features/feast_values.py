"""The two protobuf messages that Feast stores in Redis, one at a time and exactly: `Value` and `Timestamp`.

Only what a plan can name is understood. Another member of the oneof than the plan's, trailing bytes, a cut value or a
number that Feast has not assigned is `BROKEN`, never a cast and never null: a changed dtype is a break of the schema.
A NaN or an infinity is `BROKEN` too, although Feast would serve it, because a NaN must never reach a model; that is
decided for whole lists in `block.conclude`.
Whole numbers become float64, exact up to 2**53.
"""

import math
import struct
from functools import lru_cache
from typing import Final

from gateway.call import FeatureStatus

TAGS: Final = {"double": 0x29, "float": 0x35, "int32": 0x18, "int64": 0x20, "bool": 0x38, "unix_timestamp": 0x40}
"""First byte of a stored value by type: the field number in Feast's `Value`, and the wire type."""

WIDTHS: Final = {"double": 9, "float": 5}
"""Length in bytes of the types that have a fixed one, tag included."""

UNKNOWN: Final = -math.inf
"""Event time that is not known: older than any limit."""

_NULL_VAL = b"\x98\x01\x00"
_INT_BITS = {"int32": 32, "int64": 64, "unix_timestamp": 64, "bool": 64}
_STAMP_SECONDS, _STAMP_NANOS = 0x08, 0x10
_SECOND = 1_000_000_000  # in nanoseconds, of which a timestamp holds fewer
_WITH_SECONDS = struct.Struct("6B")
_CONTINUED = 128 + (128 << 7) + (128 << 14) + (128 << 21)
"""What the continuation bits of a five-byte varint add to its weighted bytes."""


def decode_value(kind: str, data: bytes | None) -> tuple[float, FeatureStatus]:
    """The value and whether it is fresh, null, missing or broken; the number means nothing unless it is fresh."""
    if data is None:
        return 0.0, FeatureStatus.MISSING
    if data == b"" or data == _NULL_VAL:
        return 0.0, FeatureStatus.NULL
    try:
        value = decode_fixed(kind, data) if kind in WIDTHS else decode_integer(kind, data)
    except ValueError:
        return 0.0, FeatureStatus.BROKEN
    return value, FeatureStatus.FRESH


def decode_fixed(kind: str, data: bytes) -> float:
    """A `double` or a `float` that is there; ValueError when it is not exactly that. NaN is judged later."""
    if len(data) != WIDTHS[kind] or data[0] != TAGS[kind]:
        raise ValueError(f"not a {kind}")
    value: float = struct.unpack_from("<d" if kind == "double" else "<f", data, 1)[0]
    return value


@lru_cache(maxsize=8192)
def decode_integer(kind: str, data: bytes) -> float:
    """An integer, a bool (0 or 1) or a time (unix seconds) that is there; ValueError when it is not exactly that."""
    if not data or data[0] != TAGS[kind]:
        raise ValueError(f"not a {kind}")
    number, end = _varint(data, 1)
    if end != len(data):
        raise ValueError("trailing bytes")
    if kind == "bool":
        return float(number != 0)
    number = _signed(number)
    if kind == "int32" and not -(1 << 31) <= number < 1 << 31:
        raise ValueError("not an int32")
    return float(number)


def decode_stamp(data: bytes | None) -> float:
    """Event time in unix seconds, nanoseconds included; `UNKNOWN` when it is absent or unreadable.

    The form of nearly every stamp (seconds of five bytes, from 1978 to 3058) is taken apart at once.
    """
    if type(data) is not bytes:
        return UNKNOWN
    if len(data) < _WITH_SECONDS.size:
        return _any_stamp(data)
    tag, a, b, c, d, e = _WITH_SECONDS.unpack_from(data)
    if tag != _STAMP_SECONDS or a < 128 or b < 128 or c < 128 or d < 128 or e > 127:
        return _any_stamp(data)
    seconds: float = a + (b << 7) + (c << 14) + (d << 21) + (e << 28) - _CONTINUED
    if len(data) == _WITH_SECONDS.size:
        return float(seconds)
    fraction = _fraction(data[_WITH_SECONDS.size :])
    return _any_stamp(data) if fraction is None else seconds + fraction


@lru_cache(maxsize=4096)
def _fraction(data: bytes) -> float | None:
    """Seconds out of the field of nanoseconds; None when it is not exactly that field.

    Remembered, because whole pipelines stamp at the same fraction of a second.
    """
    try:
        nanos, end = _varint(data, 1)
    except ValueError:
        return None
    return nanos * 1e-9 if data[0] == _STAMP_NANOS and end == len(data) and nanos < _SECOND else None


def _any_stamp(data: bytes) -> float:
    fields = {_STAMP_SECONDS: 0, _STAMP_NANOS: 0}
    at = 0
    try:
        while at < len(data):
            tag = data[at]
            if tag not in fields:
                return UNKNOWN
            number, at = _varint(data, at + 1)
            fields[tag] = _signed(number)
    except ValueError:
        return UNKNOWN
    if not 0 <= fields[_STAMP_NANOS] < _SECOND:
        return UNKNOWN
    return fields[_STAMP_SECONDS] + fields[_STAMP_NANOS] * 1e-9


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned 64-bit varint and where it ends."""
    number = shift = 0
    for end in range(at, min(at + 10, len(data))):
        byte = data[end]
        number |= (byte & 127) << shift
        if byte < 128:
            return number & 0xFFFF_FFFF_FFFF_FFFF, end + 1
        shift += 7
    raise ValueError("cut varint")


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number
