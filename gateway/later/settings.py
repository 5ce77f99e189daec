"""What may wait, how often it is tried, and for how long its result is kept."""

from dataclasses import dataclass

LONGEST_WAIT = 10.0
"""Seconds that a Fetch may wait for a result."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Times are in seconds."""

    length: int = 100_000
    """Calls that may wait or be in hand, of all gateways together; more are refused."""
    in_flight: int = 16
    """Calls from the queue that one worker has in hand."""
    tries: int = 5
    """Times that a call is taken in hand before it goes to the dead letters."""
    claim_after: float = 15.0
    """After so long without a word of whoever has a call in hand, somebody else takes it."""
    result_ttl: float = 3600.0
    """For so long a result is kept, and at most so long a call may wait."""
    dead: int = 10_000
    """Dead letters that are kept; the oldest go."""

    def __post_init__(self) -> None:
        for name in ("length", "in_flight", "tries", "dead"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is at least 1")
        if self.claim_after < 1.0:
            raise ValueError(f"claim_after is {self.claim_after:g}; whoever is busy needs a second or more")
        if not 1.0 <= self.result_ttl <= 7 * 86_400:
            raise ValueError(f"result_ttl is {self.result_ttl:g}; it is between a second and a week")
