"""One entry of the event log: who or what changed a rollout, when, why, and on which numbers. It is never rewritten."""

import msgspec

from routing.control.view import View
from routing.rollout import Rollout


class Event(msgspec.Struct, frozen=True):
    """`by` is a person's name, or `judge`; `at` is unix seconds. `numbers` are the verdict's own."""

    rollout: Rollout
    """As it was from then on."""
    before: str
    """The state that it left; empty for the first event of a rollout."""
    by: str
    at: float
    numbers: dict[str, float] = {}
    note: str = ""
    """What was done that left the rollout as it was; empty where it was changed."""
    view: View | None = None
    """What its judge knew then, as it had shown it; None where nobody had."""


def encode(event: Event) -> bytes:
    """Return the event as it is kept."""
    return msgspec.json.encode(event)


def decode(data: bytes) -> Event:
    """Read an event. Raises `ValueError`."""
    event: Event = msgspec.json.decode(data, type=Event)
    return event
