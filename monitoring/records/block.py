"""What stands in a segment: a header, shapes, and blocks of rows that refer to them; each is one msgpack array.

A block holds the rows of one list that one lane answered, column by column, because the cost of writing is per list.
What all of them have in common is said once a segment, in a shape. Fields are only ever added at the end: an older
reader ignores what it does not know, a newer one finds defaults. Numbers in bytes are little-endian.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

FORMAT: Final = 1
"""Of a segment; a reader refuses a greater one."""

Scalar = int | float | str | bool
Named = tuple[str, str]
"""A name and its type."""


class Header(msgspec.Struct, array_like=True, frozen=True, tag="header"):
    """The first frame of a segment. `started` is in unix nanoseconds; `salt` goes into the sums of the other frames."""

    format: int
    slot: int
    started: int
    host: str
    pid: int
    salt: bytes


class Shape(msgspec.Struct, array_like=True, frozen=True, tag="shape"):
    """What the records of one lane have in common: who decided, and the names of the columns."""

    deployment: str
    table: int
    arm: str
    version: str
    digest: str
    policy: str
    entities: tuple[Named, ...]
    request: tuple[Named, ...]
    stored: tuple[Named, ...]
    views: tuple[tuple[str, int], ...]
    """Feature views, each with how many of the stored features are its own, in their order."""
    model: tuple[str, ...]
    """The model's inputs."""
    statuses: tuple[str, ...]
    """Names of the feature statuses by number."""


class Block(msgspec.Struct, array_like=True, frozen=True, tag="block"):
    """Rows of one list. Lists and bytes go row by row; what is rare stands by row number, counted from 0."""

    shape: bytes
    """The `identity` of their shape."""
    written: int
    """Unix nanoseconds, just after the replies had left."""
    event_now: float
    """The deployment's own clock when the features were read, in unix seconds."""
    assigned: str
    """The arm that was to answer; the one that did is the shape's."""
    features: float
    """Seconds that reading the features took."""
    infer: float
    """Seconds that the lane's run took."""
    carried: float
    """Seconds from the list's start to the answers."""
    ids: Sequence[str]
    units: Sequence[str]
    traces: Sequence[str]
    """W3C traceparents; empty where no row has one."""
    waited: Sequence[float]
    """Seconds from a call's arrival to its list's start."""
    entities: Sequence[Mapping[str, Scalar]]
    request: Sequence[Mapping[str, Scalar]]
    """Request features as the caller sent them, overridden stored ones among them."""
    decisions: Sequence[str]
    """Empty for a row that got an error."""
    outputs: Sequence[Mapping[str, float]]
    stored: bytes
    """float64 (rows, stored features), defaults in place."""
    model: bytes
    """float32 (rows, model inputs): exactly what the model was given."""
    stamps: Sequence[bytes | None]
    """Event times as the feature store gave them (protobuf Timestamps): row by row, one for each view."""
    odd: dict[int, bytes]
    """Of the rows in which not every stored feature was fresh: one status for each."""
    degraded: dict[int, tuple[str, ...]]
    priorities: dict[int, str]
    """Where it is not the default."""
    errors: dict[int, tuple[str, str]]
    """Code and message of a row that got no prediction."""
    given_before: dict[int, float] = {}
    """When a row's answer was given first, in unix seconds, where its call was repeated: it is that answer again."""
    precomputed: dict[int, float] = {}
    """How old a row's score was, in seconds, where it was computed ahead: the model did not run for it."""


class Gap(msgspec.Struct, array_like=True, frozen=True, tag="gap"):
    """Rows of a deployment that were chosen and are not here: there was no room. `until` is unix nanoseconds."""

    until: int
    deployment: str
    dropped: int
    """In the queue."""
    failed: int
    """On the disk."""


Piece = Header | Shape | Block | Gap

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Piece)


def encode(piece: Piece) -> bytes:
    """Return the piece as a frame's payload. Raises what msgspec raises for values that msgpack cannot hold."""
    return _encode(piece)


def decode(payload: bytes) -> Piece | None:
    """Read what `encode` wrote; None for a piece that this reader does not know."""
    try:
        piece: Piece = _decoder.decode(payload)
    except msgspec.DecodeError:
        return None
    return piece


def identity(encoded_shape: bytes) -> bytes:
    """Return the name under which blocks refer to a shape."""
    return blake2b(encoded_shape, digest_size=8).digest()
