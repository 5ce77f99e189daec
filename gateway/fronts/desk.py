"""What the fronts need for calls that are answered later: one interface, and the desk of a gateway without a queue."""

from dataclasses import dataclass
from typing import Protocol

from gateway.errors import QueueUnavailable
from protos.sluice.v1 import prediction_pb2 as pb


@dataclass(frozen=True, slots=True)
class Submission:
    """A call to be answered later: its request with the request id in it. `useful_for` is in seconds; 0: for long."""

    request: pb.PredictRequest
    useful_for: float
    traceparent: str


class Desk(Protocol):
    """Takes calls in and hands results out."""

    async def submit(self, submission: Submission) -> str:
        """Let a call wait; return what its result is fetched by.

        Raises `Overloaded` when too many wait, `QueueUnavailable` when it could not be handed in.
        """

    async def fetch(self, result_id: str, wait: float) -> bytes:
        """Return a `sluice.v1.FetchResponse`; what is not there after `wait` seconds is pending.

        Raises `ResultNotFound` or `QueueUnavailable`.
        """


class NoDesk:
    """Of a gateway that was started without a queue."""

    async def submit(self, submission: Submission) -> str:
        """Refuse."""
        raise QueueUnavailable(OFF)

    async def fetch(self, result_id: str, wait: float) -> bytes:
        """Refuse."""
        raise QueueUnavailable(OFF)


OFF = "this gateway has no queue: start it with --queue-url"
NO_DESK: Desk = NoDesk()
