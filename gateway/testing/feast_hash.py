"""Writes rows the way Feast does, without Feast: for tests and trials that need features in a real Redis."""

import struct
from collections.abc import Mapping
from itertools import chain

import redis

from gateway.features.feast_values import TAGS
from gateway.features.keys import KeyValue
from gateway.features.plan import Plan
from gateway.testing.fixed_features import StoredValue


class FeastHash:
    """The same `put` as FixedFeatures, into the Redis hashes that a plan's keys name."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def put(
        self, plan: Plan, entities: Mapping[str, KeyValue], values: Mapping[str, StoredValue], event_time: float | None
    ) -> None:
        """Store features of a row by name; others stay as they are. Without an event time the age is unknown."""
        for group, key in zip(plan.groups, plan.row_keys(entities), strict=True):
            for view in group.views:
                fields = {
                    feature.field: encode_value(feature.type, values[feature.name])
                    for feature in view.features
                    if feature.name in values
                }
                if fields and event_time is not None:
                    fields[view.stamp_field] = encode_stamp(event_time)
                if fields:
                    words = chain.from_iterable(fields.items())
                    self._client.execute_command("HSET", key, *words)  # type: ignore[no-untyped-call]  # redis-py's


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
