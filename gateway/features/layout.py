"""How one group's features lie on the wire: the HMGET but for its key, and where each field of the reply belongs.

Features of one type are asked for side by side, so that many rows of them can be joined and read as one numpy view;
event times come last. Built once when the plan is loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.features.feast_values import TAGS, WIDTHS

Columns = slice | NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Feature:
    """One stored feature: its name in the model, its Redis field, its Feast type, and its stand-in when not fresh.

    A `default` of None refuses the call instead.
    """

    name: str
    field: bytes
    type: str
    default: float | None


@dataclass(frozen=True, slots=True)
class View:
    """A Feast feature view by its stored name; values older than `ttl_seconds` are stale, 0 is no limit."""

    name: str
    ttl_seconds: float
    features: tuple[Feature, ...]

    @property
    def stamp_field(self) -> bytes:
        """The field that holds the event time of the view's values."""
        return b"_ts:" + self.name.encode()


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Neighbours of one type in the reply: fields `start` to `stop` belong to `columns` of the group."""

    type: str
    start: int
    stop: int
    columns: Columns
    width: int
    """Bytes of one field, 0 where they vary."""
    tags: bytes
    """The first byte of each field of one row."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One group's request and reply."""

    views: tuple[View, ...]
    head: bytes = field(init=False)
    """The command up to its key."""
    tail: bytes = field(init=False)
    """The command after the key's bytes."""
    runs: tuple[Run, ...] = field(init=False)
    features: int = field(init=False)
    """How many features; the event times follow, one a view."""
    fields: int = field(init=False)
    absent: list[bytes | None] = field(init=False)
    """The reply for a key that does not exist."""
    order: tuple[int, ...] = field(init=False)
    """Column within the group by place in the reply."""
    view_of: tuple[int, ...] = field(init=False)
    """View within the group by column."""

    def __post_init__(self) -> None:
        features = [feature for view in self.views for feature in view.features]
        order = sorted(range(len(features)), key=lambda column: _rank(features[column].type))
        names = [features[column].field for column in order] + [view.stamp_field for view in self.views]
        put = object.__setattr__
        put(self, "head", b"*%d\r\n$5\r\nHMGET\r\n" % (2 + len(names)))
        put(self, "tail", b"\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(name), name) for name in names))
        put(self, "runs", _runs([features[column].type for column in order], order))
        put(self, "features", len(features))
        put(self, "fields", len(names))
        put(self, "absent", [None] * len(names))
        put(self, "order", tuple(order))
        put(self, "view_of", tuple(at for at, view in enumerate(self.views) for _ in view.features))

    def command(self, key: bytes) -> bytes:
        """The HMGET of one key."""
        return b"%b$%d\r\n%b%b" % (self.head, len(key), key, self.tail)


def _rank(kind: str) -> int:
    return list(TAGS).index(kind)


def _runs(types: Sequence[str], order: Sequence[int]) -> tuple[Run, ...]:
    runs = []
    start = 0
    for stop in range(1, len(types) + 1):
        if stop == len(types) or types[stop] != types[start]:
            kind = types[start]
            tags = bytes([TAGS[kind]]) * (stop - start)
            runs.append(Run(kind, start, stop, _columns(order[start:stop]), WIDTHS.get(kind, 0), tags))
            start = stop
    return tuple(runs)


def _columns(order: Sequence[int]) -> Columns:
    """A slice where the columns are neighbours (cheaper to assign), else their numbers."""
    if list(order) == list(range(order[0], order[0] + len(order))):
        return slice(order[0], order[0] + len(order))
    return np.array(order, dtype=np.intp)
