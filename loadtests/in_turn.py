"""Two things measured in turn, every other round the other way about, so that each ratio is of one moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pairs(Generic[T]):
    """What each gave, by round."""

    first: Sequence[T]
    second: Sequence[T]

    def ratios(self, read: Callable[[T], float | None]) -> tuple[list[float], str]:
        """Return first over second for every round, and which rounds have none, in words."""
        ratios, missing = [], []
        for number, (one, other) in enumerate(zip(self.first, self.second, strict=True), 1):
            above, below = read(one), read(other)
            if above is None or not below:
                missing.append(str(number))
            else:
                ratios.append(above / below)
        return ratios, f"no ratio in round {', '.join(missing)}" if missing else ""


def in_turn(first: Callable[[], T], second: Callable[[], T], rounds: int, say: Callable[[str], None]) -> Pairs[T]:
    """Run both once a round."""
    ones: list[T] = []
    others: list[T] = []
    for number in range(rounds):
        say(f"pair {number + 1} of {rounds}")
        if number % 2:
            others.append(second())
            ones.append(first())
        else:
            ones.append(first())
            others.append(second())
    return Pairs(ones, others)
