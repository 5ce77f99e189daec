"""Feast's stored bytes, written: the other direction of `gateway.features.feast_values`."""

import struct

from gateway.features.feast_values import TAGS

StoredValue = float | str | None
"""A number; None for a stored null; text for a value of a type that no plan wants, which is broken."""


def encode_value(kind: str, value: StoredValue) -> bytes:
    """A serialized `feast.types.Value`; text makes a `string_val`, whatever the type."""
    if value is None:
        return b""
    if isinstance(value, str):
        return b"\x12" + _varint(len(value.encode())) + value.encode()
    if kind == "double":
        return struct.pack("<Bd", TAGS[kind], value)
    if kind == "float":
        return struct.pack("<Bf", TAGS[kind], value)
    return bytes([TAGS[kind]]) + _varint(int(value))


def encode_stamp(event_time: float) -> bytes:
    """A serialized `google.protobuf.Timestamp`; microseconds are kept."""
    micros = round(event_time * 1e6)
    seconds, nanos = micros // 1_000_000, micros % 1_000_000 * 1000
    return (b"\x08" + _varint(seconds) if seconds else b"") + (b"\x10" + _varint(nanos) if nanos else b"")


def _varint(number: int) -> bytes:
    number &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
