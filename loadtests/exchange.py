"""One call and what came back of it, and the seam between a protocol's bytes and the loop that drives them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

Fields = Mapping[str, str]
NO_FIELDS: Fields = {}


@dataclass(frozen=True, slots=True)
class Request:
    """One call's body as it goes on the wire; `request_id` is empty when the gateway is left to choose it."""

    body: bytes
    request_id: str


class Exchange:
    """A call in flight or over. `started` is in nanoseconds; `broken` says why no whole answer came."""

    __slots__ = ("body", "broken", "head", "request", "started", "trailers")

    def __init__(self, request: Request, started: int) -> None:
        self.request = request
        self.started = started
        self.head = NO_FIELDS
        self.body = b""
        self.trailers = NO_FIELDS
        self.broken = ""


class WireError(ValueError):
    """The peer's bytes break the protocol: the connection is of no more use."""


class Wire(Protocol):
    """One connection's protocol without its socket: bytes in, bytes out.

    `leaving` turns true when the peer asked for the end: no call may be started, those in flight may still be answered.
    """

    leaving: bool

    def start(self, exchange: Exchange) -> bytes:
        """Return the bytes that put the call on the wire; none when it may not be started now."""

    def receive(self, data: bytes) -> tuple[list[Exchange], bytes]:
        """Return the calls that ended with `data`, and bytes owed to the peer; raises WireError."""

    def abandon(self) -> list[Exchange]:
        """Forget the calls in flight and return them."""
