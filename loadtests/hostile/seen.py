"""What an attack did and what it was told, counted: the attacker's side of the story."""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

_WORTH_A_PAUSE = 4_096


@dataclass
class Seen:
    """Counts by word. `until` is the end of the attack, on the clock that `goes_on` reads.

    `pace` is the most bytes a second: a caller with more bandwidth than the gateway has processor needs no trick.
    """

    until: float
    chance: random.Random
    pace: float = 50e6
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, word: str, count: int = 1) -> None:
        self.counts[word] += count

    def sent(self, size: int) -> None:
        """Wait for as long as sending these bytes takes at the pace."""
        if size > _WORTH_A_PAUSE:
            time.sleep(size / self.pace)

    def goes_on(self) -> bool:
        """Whether there is time left to attack."""
        return time.monotonic() < self.until


@dataclass(frozen=True)
class Target:
    """Where the gateway listens."""

    grpc: tuple[str, int]
    http: tuple[str, int]


Attack = Callable[[Target, Seen], None]
