"""How features lie on the wire: a group's HMGET but for its key, and where each field of the replies belongs.

Features of one type are asked for side by side, so that many rows of them can be joined and read as one numpy view;
event times come last. Built once when the plan is loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from gateway.features.feast_values import TAGS, WIDTHS

Columns = slice | NDArray[np.intp]
_RANKS = {kind: rank for rank, kind in enumerate(TAGS)}


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
class Layout:
    """One group's request and reply."""

    views: tuple[View, ...]
    head: bytes = field(init=False)
    """The command up to its key."""
    tail: bytes = field(init=False)
    """The command after the key's bytes."""
    order: tuple[int, ...] = field(init=False)
    """Column within the group by place in the reply."""
    types: tuple[str, ...] = field(init=False)
    """Type by place in the reply."""
    widths: list[int] = field(init=False)
    """Bytes of each feature by place in the reply, 0 where they vary."""
    features: int = field(init=False)
    """How many features; the event times follow, one a view."""
    fields: int = field(init=False)
    absent: list[bytes | None] = field(init=False)
    """The reply for a key that does not exist."""
    names: tuple[bytes, ...] = field(init=False)
    """Redis field by place in the reply."""
    digest: bytes = field(init=False)
    """What tells its replies from those of other layouts to the same key."""
    stand_in: list[bytes] = field(init=False)
    """A reply that is whole and says nothing, to hold the place of one that is not whole."""

    def __post_init__(self) -> None:
        features = [feature for view in self.views for feature in view.features]
        order = sorted(range(len(features)), key=lambda column: _RANKS[features[column].type])
        types = [features[column].type for column in order]
        names = [features[column].field for column in order] + [view.stamp_field for view in self.views]
        put = object.__setattr__
        put(self, "head", b"*%d\r\n$5\r\nHMGET\r\n" % (2 + len(names)))
        put(self, "tail", b"\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(name), name) for name in names))
        put(self, "order", tuple(order))
        put(self, "types", tuple(types))
        put(self, "widths", [WIDTHS.get(kind, 0) for kind in types])
        put(self, "features", len(features))
        put(self, "fields", len(names))
        put(self, "absent", [None] * len(names))
        put(self, "names", tuple(names))
        put(self, "digest", blake2b(self.tail, digest_size=8).digest())
        zeros = [bytes([TAGS[kind]]).ljust(WIDTHS.get(kind, 2), b"\0") for kind in types]
        put(self, "stand_in", zeros + [b""] * len(self.views))

    def commands(self, keys: Sequence[bytes]) -> bytes:
        """The HMGETs of some keys, which are not empty."""
        length = len(keys[0])
        if len(set(map(len, keys))) > 1:
            return b"".join([self.commands([key]) for key in keys])
        # Keys of one length are the rule: then what stands between them is the same, and one join writes all.
        start = b"%b$%d\r\n" % (self.head, length)
        return start + (self.tail + start).join(keys) + self.tail


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """All features of one type in a plan: where they lie in the replies of a row, and the columns that they fill."""

    type: str
    pieces: tuple[tuple[int, int, int], ...]
    """Group, first and last place (exclusive) in its reply."""
    columns: Columns
    width: int
    """Bytes of one field, 0 where they vary."""
    tags: bytes
    """The first bytes of the fields of one row."""


def runs_of(layouts: Sequence[Layout]) -> tuple[Run, ...]:
    """The runs of a plan, one for each type that occurs."""
    starts = [sum(layout.features for layout in layouts[:group]) for group in range(len(layouts))]
    runs = []
    for kind in _RANKS:
        pieces = [
            (group, layout.types.index(kind), layout.types.index(kind) + layout.types.count(kind))
            for group, layout in enumerate(layouts)
            if kind in layout.types
        ]
        columns = [
            starts[group] + layouts[group].order[at] for group, start, stop in pieces for at in range(start, stop)
        ]
        if pieces:
            tags = bytes([TAGS[kind]]) * len(columns)
            runs.append(Run(kind, tuple(pieces), _columns(columns), WIDTHS.get(kind, 0), tags))
    return tuple(runs)


def _columns(order: Sequence[int]) -> Columns:
    """A slice where the columns are neighbours (cheaper to assign), else their numbers."""
    if list(order) == list(range(order[0], order[0] + len(order))):
        return slice(order[0], order[0] + len(order))
    return np.array(order, dtype=np.intp)
