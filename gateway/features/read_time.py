"""How long a read of the feature store takes at present. Pure: time is an argument.

A mean and a mean deviation, smoothed as TCP smooths its round trips (Jacobson, 1988). Both fade while nothing new is
seen: an estimate by which reads are left out would else never be found wrong again.
"""

from math import inf


class ReadTime:
    """Starts at nothing: what is not known is tried. `newest` is the weight of the newest among many quick reads."""

    __slots__ = ("_at", "_deviation", "_half_life", "_mean", "_newest")

    def __init__(self, half_life: float = 1.0, newest: float = 0.125) -> None:
        if half_life <= 0 or not 0 < newest <= 1:
            raise ValueError("a half-life lies above 0, the newest read's weight above 0 and not above 1")
        self._half_life, self._newest = half_life, newest
        self._mean = self._deviation = 0.0
        self._at = -inf

    def expect(self, now: float) -> float:
        """Return the seconds within which most reads end."""
        return (self._mean + self._deviation) * self._left(now)

    def observe(self, seconds: float, now: float) -> None:
        """A read was whole after so many seconds."""
        past, self._at = (1.0 - self._newest) * self._left(now), now
        self._mean = past * self._mean + (1.0 - past) * seconds
        self._deviation = past * self._deviation + (1.0 - past) * abs(seconds - self._mean)

    def exceeded(self, seconds: float, now: float) -> None:
        """A read was given up after so many seconds: news only if that is longer than was expected."""
        if seconds > self.expect(now):
            self.observe(seconds, now)

    def _left(self, now: float) -> float:
        """What the passing of time has left of the estimate, 0 to 1."""
        left: float = 0.5 ** (max(0.0, now - self._at) / self._half_life)
        return left
