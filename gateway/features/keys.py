"""Redis keys of Feast entities: the v3 entity key, then the project.

Our own encoder, because the SDK does not run in this process; golden bytes and a differential test keep them equal.
Types are strict: the type stands in the plan, and a value of another type would make a well-formed key of nobody.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.call import Scalar

KeyValue = Scalar | bytes
KeyEncoder = Callable[[Mapping[str, KeyValue]], bytes]

ENTITYLESS: Final = "__dummy_id"
"""Feast's join key of views without an entity; its value is always the empty string."""

_NAME_TYPE = 2
_INT_FORMATS = {"int32": struct.Struct("<i"), "int64": struct.Struct("<q"), "unix_timestamp": struct.Struct("<q")}
_VALUE_TYPES = {"bytes": 1, "string": 2, "int32": 3, "int64": 4, "unix_timestamp": 8}
KEY_TYPES: Final = frozenset(_VALUE_TYPES)
_TYPE_AND_LENGTH = struct.Struct("<II")
_INT64 = (_VALUE_TYPES["int64"], 8)
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
_LONGEST_INT = 20
"""Characters of the longest 64-bit integer: longer text is refused before it is parsed."""


class EntityError(ValueError):
    """An entity id is missing or of the wrong type; the message names it, what was expected and what came."""

    def __init__(self, name: str, expected: str, came: str) -> None:
        super().__init__(f"entity {name}: expected {expected}, got {came}")
        self.entity = name


@dataclass(frozen=True, slots=True)
class JoinKey:
    """One entity id of a group: its name in requests and in the key, and its Feast type."""

    name: str
    type: str


def key_encoder(project: str, join_keys: tuple[JoinKey, ...]) -> KeyEncoder:
    """The function from a call's entity ids to a Redis key; `join_keys` are sorted by name."""
    start, end = _head(join_keys), project.encode()
    if join_keys[0].name == ENTITYLESS:
        constant = start + _any_values(join_keys, {ENTITYLESS: ""}) + end
        return lambda entities: constant
    if any(join_key.type != "int64" for join_key in join_keys):
        return lambda entities: start + _any_values(join_keys, entities) + end
    if len(join_keys) == 1:
        return _one_int64(join_keys, start, end)
    return _several_int64(join_keys, start, end)


def key_frame(project: str, join_keys: tuple[JoinKey, ...]) -> tuple[bytes, bytes]:
    """Return how every key of such a group begins, and how it ends."""
    return _head(join_keys), project.encode()


def read_key(project: str, join_keys: tuple[JoinKey, ...], key: bytes) -> dict[str, KeyValue] | None:
    """Return the entity ids that a Redis key of such a group was made of; None for a key that is none of it."""
    start, end = key_frame(project, join_keys)
    if not (key.startswith(start) and key.endswith(end)):
        return None
    at, stop, found = len(start), len(key) - len(end), dict[str, KeyValue]()
    try:
        for join_key in join_keys:
            kind, length = _TYPE_AND_LENGTH.unpack_from(key, at)
            at += _TYPE_AND_LENGTH.size
            if kind != _VALUE_TYPES[join_key.type] or at + length > stop:
                return None
            found[join_key.name] = _value_of(join_key.type, key[at : at + length])
            at += length
    except (struct.error, UnicodeDecodeError):
        return None
    return found if at == stop else None


def _one_int64(join_keys: tuple[JoinKey, ...], start: bytes, end: bytes) -> KeyEncoder:
    """The common case with everything but the eight bytes of the id prepared."""
    name = join_keys[0].name
    ready = start + struct.pack("<II", *_INT64)
    pack = _INT_FORMATS["int64"].pack

    def encode(entities: Mapping[str, KeyValue]) -> bytes:
        value = entities.get(name)
        if type(value) is int and _INT64_MIN <= value <= _INT64_MAX:
            return ready + pack(value) + end
        return start + _any_values(join_keys, entities) + end

    return encode


def _several_int64(join_keys: tuple[JoinKey, ...], start: bytes, end: bytes) -> KeyEncoder:
    names = [join_key.name for join_key in join_keys]
    pack = struct.Struct("<" + "IIq" * len(names)).pack

    def encode(entities: Mapping[str, KeyValue]) -> bytes:
        words: list[int] = []
        for name in names:
            value = entities.get(name)
            if type(value) is not int or not _INT64_MIN <= value <= _INT64_MAX:
                return start + _any_values(join_keys, entities) + end
            words += (*_INT64, value)
        return start + pack(*words) + end

    return encode


def _any_values(join_keys: tuple[JoinKey, ...], entities: Mapping[str, KeyValue]) -> bytes:
    """The part of the key that differs from row to row, or the refusal."""
    parts = []
    for join_key in join_keys:
        value = _value_bytes(join_key, entities.get(join_key.name))
        parts += [struct.pack("<II", _VALUE_TYPES[join_key.type], len(value)), value]
    return b"".join(parts)


def _head(join_keys: tuple[JoinKey, ...]) -> bytes:
    names = [join_key.name.encode() for join_key in join_keys]
    return struct.pack("<I", len(names)) + b"".join(struct.pack("<II", _NAME_TYPE, len(name)) + name for name in names)


def _value_bytes(join_key: JoinKey, value: KeyValue | None) -> bytes:
    try:
        if join_key.type == "string" and isinstance(value, str):
            return value.encode()
        if join_key.type == "bytes" and isinstance(value, bytes):
            return value
        if join_key.type in _INT_FORMATS:
            return _INT_FORMATS[join_key.type].pack(_integer(value))
    except (ValueError, struct.error) as exc:
        raise EntityError(join_key.name, join_key.type, _shown(value)) from exc
    raise EntityError(join_key.name, join_key.type, _shown(value))


def _value_of(kind: str, value: bytes) -> KeyValue:
    if kind in _INT_FORMATS:
        number: int = _INT_FORMATS[kind].unpack(value)[0]
        return number
    return value.decode() if kind == "string" else value


def _integer(value: KeyValue | None) -> int:
    """Integers, and text of decimal digits (JSON and metadata cannot carry every int64 otherwise); never booleans."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= _LONGEST_INT and value.isascii() and value.removeprefix("-").isdigit():
        return int(value)
    raise ValueError("not an integer")


def _shown(value: KeyValue | None) -> str:
    """The type, and the value where it is short: ids are the caller's own words back to the caller."""
    if value is None:
        return "nothing"
    text = repr(value) if not isinstance(value, int) or value.bit_length() <= 128 else "a huge number"
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}"
