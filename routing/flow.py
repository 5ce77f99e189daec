"""How fast counts have grown lately in one step of a rollout, for whoever asks how long it will take."""

from collections import deque
from collections.abc import Sequence

SPAN = 300.0
"""Seconds that are looked back, at most."""
LEAST = 10.0
"""Seconds that have to be looked back before anything is said."""


class Flow:
    """Remembers counts that only grow, every `LEAST` seconds one, as long as the step is the same."""

    def __init__(self) -> None:
        self._step = -1
        self._marks: deque[tuple[float, tuple[int, ...]]] = deque()
        self._last: tuple[float, tuple[int, ...]] = (0.0, ())

    def mark(self, step: int, at: float, counts: Sequence[int]) -> None:
        """Note what has been counted in a step until then."""
        if step != self._step:
            self._step = step
            self._marks.clear()
        self._last = (at, tuple(counts))
        if not self._marks or at - self._marks[-1][0] >= LEAST:
            self._marks.append(self._last)
        while at - self._marks[0][0] > SPAN:
            self._marks.popleft()

    def rates(self) -> tuple[float, ...] | None:
        """Return by count how much it has grown a second; None while too little time has passed."""
        if not self._marks:
            return None
        (began, before), (at, after) = self._marks[0], self._last
        if at - began < LEAST:
            return None
        return tuple((new - old) / (at - began) for new, old in zip(after, before, strict=True))
