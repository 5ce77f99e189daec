"""What pairs have shown since the last flush: signs for the judge, and a comparison for people.

A bundle that is away for a third of a second raises in every pair of that time, by one cause: pair by pair, of bundles
that are away alike a tenth was rolled back. So of each flush one pair counts in which one of the two raised: the first,
which is as probably the candidate's as any of them.
"""

from gateway.cutoff import Cutoff
from gateway.lane import Decided
from gateway.signs import Half, Signs
from routing.comparison import NO_COMPARISON, Comparison, compared
from routing.window import Pair

MOST = 10_000
"""Pairs that are kept while nobody takes them; what comes then is lost to both bundles alike."""


class PairBook:
    """Notes pairs of one rollout; the cut-off of the tail is its own, for as long as it lives."""

    def __init__(self, signs: Signs) -> None:
        self._signs = signs
        self._cutoff = Cutoff(signs.tail_by)
        self._pairs: list[Pair] = []
        self._raised = False
        self._comparison = NO_COMPARISON

    def note(self, canary: Half, champion: Half, unit: int | None = None) -> None:
        """Note both bundles on a row of the unit."""
        pair = self._once(self._signs.of_pair(canary, champion, self._cutoff.seconds))
        self.pair(pair._replace(unit=unit))
        if champion.outcome is not None:
            self._cutoff.observe(champion.seconds)

    def compare(self, champion: Decided, canary: Decided, entity: str, money: float) -> None:
        """Note what both made of a row of the entity; the candidate's decision is worth so much more."""
        flip = canary.decision != champion.decision
        row = compared(entity, champion.outputs["score"], canary.outputs["score"], flip, money)
        self._comparison = self._comparison.merged(row)

    def pair(self, pair: Pair) -> None:
        """Keep a pair for the next flush."""
        if len(self._pairs) < MOST:
            self._pairs.append(pair)

    def take_pairs(self) -> tuple[Pair, ...]:
        """Return the pairs since the last time."""
        pairs, self._pairs = tuple(self._pairs), []
        self._raised = False
        return pairs

    def _once(self, pair: Pair) -> Pair:
        """Return a pair as it is, or without that one bundle raised, where an earlier one has shown such a thing."""
        flaky = self._signs.flaky
        if not (pair.canary ^ pair.champion) & flaky:
            return pair
        raised, self._raised = self._raised, True
        return Pair(pair.canary & ~flaky, pair.champion & ~flaky) if raised else pair

    def take_comparison(self) -> Comparison:
        """Return what their rows looked like."""
        found, self._comparison = self._comparison, NO_COMPARISON
        return found
