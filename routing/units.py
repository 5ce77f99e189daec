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

from routing.order import Settled
from routing.split import BUCKETS

FIRST_CALLS = 3
MOST_UNITS = 1 << 20


class Taken(NamedTuple):
    """What a call says of its unit."""

    share: float
    """The probability with which the unit was the canary's, given that it was one of the two's."""
    signs: int
    """The bits that none of the unit's calls in this step had shown before: each is an event of its guard."""
    before: int
    """The bits that they had shown before."""
    first: bool
    """Whether it is the unit's first call in this step: what was decided is an event only then."""


@dataclass(slots=True)
class _Unit:
    canary: bool
    weight: int
    """The canary's, of 10,000, in the step in which the unit was seen last."""
    step: int
    epoch: int
    share: float
    calls: int
    signs: int


class Units:
    """The units of one rollout. Feed it every call once, in the order in which calls were admitted.

    Of more than `most` units those go first that were drawn in an epoch that is over; the others are thinned by their
    hash, in both arms alike.
    """

    def __init__(self, most: int = MOST_UNITS) -> None:
        self._units: dict[int, _Unit] = {}
        self._most = most
        self._one_of = 1
        self._epoch = 0  # calls of earlier ones say nothing any more: their units are forgotten
        self.fresh = 0
        """Calls that could still become an event."""
        self.spent = 0
        """Calls of units that could not; a worker's own count of such calls may be added."""

    def __len__(self) -> int:
        return len(self._units)

    def take(self, call: Settled) -> Taken | None:
        """Return what the call says, or None when its unit has no more to say in this step."""
        unit, step = call.unit, call.step
        if unit % self._one_of or call.epoch < self._epoch:
            return None
        known = self._units.get(unit)
        if known is None or known.step != step or known.epoch != call.epoch:
            known = self._enter(known, call)
        known.calls += 1
        if not 0.0 < known.share < 1.0 or known.calls > FIRST_CALLS:
            self.spent += call.weight > 0  # where the canary has no weight nobody could have said anything
            return None
        self.fresh += 1
        before = known.signs
        new = call.signs & ~before
        known.signs |= new
        return Taken(known.share, new, before, first=known.calls == 1)

    def forget_counts(self) -> None:
        """Begin to count fresh and spent calls anew."""
        self.fresh = self.spent = 0

    def _enter(self, known: _Unit | None, call: Settled) -> _Unit:
        """Note a unit's first call in a step."""
        weight = call.weight
        if known is not None and known.epoch != call.epoch:
            known = None
        if known is None:
            share = weight / BUCKETS
        elif known.canary or weight <= known.weight:
            share = 0.0
        else:
            share = (weight - known.weight) / (BUCKETS - known.weight)
        most = weight if known is None else max(weight, known.weight)
        canary = call.canary or (known is not None and known.canary)
        entered = self._units[call.unit] = _Unit(canary, most, call.step, call.epoch, share, 0, 0)
        if len(self._units) > self._most:
            self._make_room(call.epoch)
        return entered

    def _make_room(self, epoch: int) -> None:
        self._epoch = max(self._epoch, epoch)
        self._units = {unit: one for unit, one in self._units.items() if one.epoch >= self._epoch}
        if len(self._units) > self._most:
            self._one_of *= 2
            self._units = {unit: one for unit, one in self._units.items() if not unit % self._one_of}
