"""What near real time needs of a store: a bounded queue, delivered at least once, and results that are kept for a time.

The Redis stream and the shipped fake keep the same promises; every method raises `QueueAway` when the store cannot be
reached, and is safe to cancel.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


class QueueAway(Exception):
    """The store does not answer, or will not have us; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A call that waits. `request` is a `sluice.v1.PredictRequest` with its request id; `until` is in unix seconds."""

    result_id: str
    request: bytes
    until: float
    """After that nobody wants the answer any more."""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An entry that somebody has in hand: the store's own name for it, and how often it has been in somebody's."""

    name: str
    entry: Entry
    times: int


class Results(Protocol):
    """The side of whoever hands calls in and fetches results."""

    async def add(self, entry: Entry) -> bool:
        """Let an entry wait; return False when the queue is full."""

    async def look(self, result_ids: Sequence[str]) -> list[bytes | None]:
        """Return results; empty bytes for what still waits, None for what is not known (any more)."""


class Deliveries(Protocol):
    """The side of whoever answers. One consumer's: the store knows it by a name of its own."""

    async def take(self, most: int, wait: float) -> list[Delivery]:
        """Take new entries in hand, waiting up to `wait` seconds for the first."""

    async def claim(self, most: int) -> list[Delivery]:
        """Take entries in hand of which nobody has said a word for too long."""

    async def hold(self, names: Collection[str]) -> None:
        """Say a word of entries in hand."""

    async def settle(self, delivery: Delivery, result: bytes, dead: str = "") -> bool:
        """Keep the result, and let go of the entry; return False if somebody else has done it before.

        With a reason why it is `dead` it is also kept among the dead letters.
        """
