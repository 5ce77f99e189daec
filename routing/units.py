"""Which calls are events: a unit gives evidence once in a step, by its first calls, and with a known probability.

A unit repeats itself: a card whose row breaks the model breaks it at every purchase. Counted call by call, one such
card is a hundred proofs (half of all A/A rollouts were rolled back); counted by its first bad call alone, the arm that
is better runs out of units that can still fail (a canary five times better was rolled back every time). So a unit is
decided, and spent, by its first calls of a step, good or bad.

Within an epoch units never change back: raising the weight makes some of the champion's units the canary's. One that
was the champion's at weight w is the canary's at weight w' with probability (w' - w) / (1 - w); one that was the
canary's, or that was seen at a greater weight, says nothing more.
"""

from dataclasses import dataclass
from typing import NamedTuple

from routing.split import BUCKETS

FIRST_CALLS = 3
MOST_UNITS = 1 << 20


class Event(NamedTuple):
    """A unit was found bad: whose it was, and how probably it was the canary's."""

    canary: bool
    share: float


@dataclass(slots=True)
class _Unit:
    canary: bool
    weight: int
    """The canary's, of 10,000, in the step in which the unit was seen last."""
    step: int
    share: float
    calls: int
    bad: bool


class Units:
    """The units of one rollout's epoch. Feed it every call once, in the order in which calls were admitted.

    More than `most` units are thinned by their hash, in both arms alike.
    """

    def __init__(self, most: int = MOST_UNITS) -> None:
        self._units: dict[int, _Unit] = {}
        self._most = most
        self._one_of = 1
        self.fresh = 0
        """Calls that could still become an event."""
        self.spent = 0
        """Calls of units that could not."""

    def __len__(self) -> int:
        return len(self._units)

    def take(self, unit: int, canary: bool, step: int, weight: int, bad: bool) -> Event | None:
        """Return the event that this call is, if it is one.

        `unit` is a hash; `weight` is the canary's, of 10,000, when the call was split; `step` grows with every change
        of it.
        """
        if unit % self._one_of:
            return None
        known = self._units.get(unit)
        if known is None or known.step != step:
            known = self._enter(unit, known, canary, step, weight)
        known.calls += 1
        if not 0.0 < known.share < 1.0 or known.calls > FIRST_CALLS:
            self.spent += 1
            return None
        self.fresh += 1
        if not bad or known.bad:
            return None
        known.bad = True
        return Event(canary, known.share)

    def forget_counts(self) -> None:
        """Begin to count fresh and spent calls anew."""
        self.fresh = self.spent = 0

    def _enter(self, unit: int, known: _Unit | None, canary: bool, step: int, weight: int) -> _Unit:
        """Note a unit's first call in a step."""
        if known is None:
            share = weight / BUCKETS
        elif known.canary or weight <= known.weight:
            share = 0.0
        else:
            share = (weight - known.weight) / (BUCKETS - known.weight)
        most = weight if known is None else max(weight, known.weight)
        entered = self._units[unit] = _Unit(canary or (known is not None and known.canary), most, step, share, 0, False)
        if len(self._units) > self._most:
            self._one_of *= 2
            self._units = {unit: one for unit, one in self._units.items() if not unit % self._one_of}
        return entered
