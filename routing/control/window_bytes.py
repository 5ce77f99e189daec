"""A window as it travels and is kept: calls in columns, packed.

A call by itself takes some 28 bytes; in columns, of which only the units' numbers do not repeat, about eight, and
sixteen where every list is of one call.
"""

import struct
import zlib
from dataclasses import replace
from itertools import chain, groupby, repeat
from math import isfinite
from operator import itemgetter

import msgspec

from routing.order import Settled
from routing.window import Window

_FASTEST = 1
_LARGEST = 1 << 26
# What calls of one list have in common: when they were admitted, their step, weight and epoch.
_head = itemgetter(*(Settled._fields.index(name) for name in ("admitted", "step", "weight", "epoch")))


class _Kept(msgspec.Struct, array_like=True):
    window: Window
    """Without its calls."""
    runs: list[tuple[int, float, int, int, int]]
    """How many calls, one after the other, have the same head, and the head."""
    units: bytes
    canary: bytes
    signs: list[tuple[int, int]]
    """The places of calls that showed any, and these."""


def encode_window(window: Window) -> bytes:
    """Return a window as it is kept."""
    calls = window.calls
    kept = _Kept(
        replace(window, calls=()),
        [(sum(1 for _ in alike), *head) for head, alike in groupby(calls, _head)],
        struct.pack(f"<{len(calls)}Q", *(call.unit for call in calls)),
        bytes(call.canary for call in calls),
        [(place, call.signs) for place, call in enumerate(calls) if call.signs],
    )
    return zlib.compress(msgspec.msgpack.encode(kept), _FASTEST)


def decode_window(data: bytes) -> Window:
    """Read a window. Raises `ValueError`."""
    try:
        kept = msgspec.msgpack.decode(_unpacked(data), type=_Kept)
        if not all(map(isfinite, (kept.window.at, kept.window.settled_until, *(run[1] for run in kept.runs)))):
            raise ValueError("it is no window: a time in it is none")
        return replace(kept.window, calls=tuple(_calls(kept)))
    except (zlib.error, struct.error, IndexError) as exc:
        raise ValueError(f"it is no window: {exc}") from exc


def _unpacked(data: bytes) -> bytes:
    packed = zlib.decompressobj()
    found = packed.decompress(data, _LARGEST)
    if packed.unconsumed_tail or not packed.eof:
        raise ValueError("it is no window: it is cut off, or larger than any")
    return found


def _calls(kept: _Kept) -> list[Settled]:
    many = len(kept.canary)
    signs = [0] * many
    for place, shown in kept.signs:
        signs[place] = shown
    heads = chain.from_iterable(
        repeat((admitted, step, weight, epoch), count) for count, admitted, step, weight, epoch in kept.runs
    )
    units = struct.unpack(f"<{many}Q", kept.units)
    return [
        Settled(admitted, unit, bool(canary), step, weight, shown, epoch)
        for (admitted, step, weight, epoch), unit, canary, shown in zip(heads, units, kept.canary, signs, strict=True)
    ]
