"""What a worker remembers of Redis's replies: bounded in number and bytes, and what was read longest ago goes first.

A reply is kept packed: a list of a dozen byte strings takes five times the room, and the garbage collector would walk
over every one of them. The order of the entries is the order of their ages, for each new reading puts its entry last;
so the oldest is found in one step. To move an entry at every hit as well (LRU) would only spare a hot key one question
in a full memory's time.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

import msgspec

from gateway.features.layout import Layout

Fields = list[bytes | None]

_OVERHEAD = 400
"""Bytes that an entry takes beside its key's and its reply's: measured with tracemalloc at 50,000 entries."""


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """How much a worker remembers."""

    keys: int = 50_000
    """Entity keys, each with one reply."""
    size: int = 64 << 20
    """Bytes, with what Python adds to each entry."""

    def __post_init__(self) -> None:
        if self.keys < 0 or self.size < 0:
            raise ValueError("memory limits cannot be below 0")


class Remembered(NamedTuple):
    """A reply that was read, and when, by the worker's clock."""

    read_at: float
    packed: bytes

    def fields(self) -> Fields:
        """The reply as it came."""
        return _unpack(self.packed)


_pack = msgspec.msgpack.Encoder().encode
_unpack = cast(Callable[[bytes], Fields], msgspec.msgpack.Decoder().decode)  # what was packed here needs no check


class Memory:
    """Replies by key and layout: another layout's reply to the same key has other fields."""

    def __init__(self, limits: MemoryLimits | None = None) -> None:
        self._limits = limits or MemoryLimits()
        self._entries: OrderedDict[bytes, Remembered] = OrderedDict()
        self.size = 0
        """Bytes that the entries take, about."""

    def __len__(self) -> int:
        return len(self._entries)

    def recall(self, layout: Layout, key: bytes) -> Remembered | None:
        """Return what was last read of a key."""
        return self._entries.get(layout.digest + key)

    def keep(self, layout: Layout, key: bytes, fields: Fields, read_at: float) -> None:
        """Remember a reply in place of what was known before; the oldest ones make room for it."""
        name, packed, entries = layout.digest + key, _pack(fields), self._entries
        former = entries.pop(name, None)
        entries[name] = Remembered(read_at, packed)
        self.size += len(packed) + (len(name) + _OVERHEAD if former is None else -len(former.packed))
        while entries and (len(entries) > self._limits.keys or self.size > self._limits.size):
            self.size -= _size(*entries.popitem(last=False))

    def forget(self, layout: Layout, key: bytes) -> None:
        """What was known of a key is no longer true."""
        name = layout.digest + key
        former = self._entries.pop(name, None)
        if former is not None:
            self.size -= _size(name, former)


def _size(name: bytes, entry: Remembered) -> int:
    return len(name) + len(entry.packed) + _OVERHEAD
