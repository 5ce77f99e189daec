"""What a deployment promises to who repeats a call: the answer that was given first, for so long."""

from dataclasses import dataclass
from typing import Literal

from routing.reading import number, section, within

ANSWER, REFUSE = "answer", "refuse"
LONGEST = 7 * 86_400.0
"""Seconds that an answer may be kept: the store that keeps it is the features' own memory."""


@dataclass(frozen=True, slots=True)
class IdempotencyRule:
    """`ttl` is in seconds. `away` says what becomes of a call whose answer can be neither looked up nor kept."""

    ttl: float
    away: Literal["answer", "refuse"] = "refuse"


def read_idempotency(said: object) -> IdempotencyRule | None:
    """Read the section of a `deployment.yaml`; None where there is none. Raises `ValueError`."""
    if said is None:
        return None
    with within("idempotency"):
        entry = section(said, "ttl_s", "away")
        away = entry.get("away", REFUSE)
        if away not in (ANSWER, REFUSE):
            raise ValueError(f"away is {away!r:.80}; it is {ANSWER} (without the promise, and marked) or {REFUSE}")
        return IdempotencyRule(number(entry, "ttl_s", least=1.0, most=LONGEST), away)
