"""The evidence of every guard of a rollout, gathered from calls in their order and from pairs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from routing.evidence import Evidence, TwoSided, two_sided
from routing.guard import Guard, Source
from routing.order import UNKNOWN
from routing.units import Taken
from routing.verdict import Verdict, fail
from routing.window import Pair

MOST_PAIRED = 1 << 18
"""Units that are remembered for having been in a pair; beyond that all are forgotten."""
SHARES_ANEW = 3600.0
"""Seconds after which shares ask a unit anew: they are shares of the units that there are, by the hour."""
_PAIR = 0.5  # with which probability the worse of two bundles on the same row is the canary, if both are alike


@dataclass(slots=True)
class Finding:
    """One guard's evidence; `bad` counts its events, the champion's and the canary's."""

    guard: Guard
    evidence: Evidence | TwoSided
    bad: list[int] = field(default_factory=lambda: [0, 0])
    new: dict[float, list[int]] = field(default_factory=dict)
    """Events since the last look by the probability that they were the canary's, champion's and canary's."""
    doubtful: dict[float, list[int]] = field(default_factory=dict)
    """The same, of calls of which nobody knows whether they were events."""

    @property
    def found(self) -> bool:
        """Whether the guard has found what it looks for."""
        return self.evidence.value >= self.guard.enough

    def event(self, share: float, canary: bool) -> None:
        """Count an event."""
        self.bad[canary] += 1
        self.new.setdefault(share, [0, 0])[canary] += 1

    def look(self, now: float) -> None:
        """Put into the evidence what was counted since the last look."""
        new, doubtful = self.new, self.doubtful
        self.new, self.doubtful = {}, {}
        for share in new.keys() | doubtful.keys() or {_PAIR}:
            champion, canary = new.get(share, (0, 0))
            of_champion, of_canary = doubtful.get(share, (0, 0))
            if isinstance(self.evidence, TwoSided):
                self.evidence = self.evidence.observed(canary, champion, share, now, (of_champion, of_canary))
            else:  # a champion whose calls come late has not failed more seldom
                self.evidence = self.evidence.observed(canary, champion + of_champion, share, now)

    def text(self, units: Sequence[int], pairs: int) -> str:
        """Say what was counted, of so many of the champion's and the canary's units, or of so many pairs."""
        (champion, canary), (of_champion, of_canary) = self.bad, units
        if self.guard.source is Source.SHARES:
            return f"{canary} of {canary + champion} units differ, {self.guard.at_most:.2%} may"
        if self.guard.source in (Source.PAIRS, Source.TIMES):
            return f"the canary was worse in {canary} pairs and the champion in {champion}, of {pairs}"
        return f"canary {_of(canary, of_canary)}, champion {_of(champion, of_champion)}"


@dataclass(frozen=True, slots=True)
class GuardState:
    """One guard as people are shown it: at `enough` it has found what it looks for."""

    guard: str
    evidence: float
    enough: float
    """Infinite of a guard that only reports."""
    canary: int
    """Events of the canary."""
    champion: int
    dry_run: bool
    text: str
    """What was counted, in words."""


class Findings:
    """All guards of one rollout. The guard of index i owns the sign 1 << i."""

    def __init__(self, guards: Sequence[Guard], began: float) -> None:
        self.all = tuple(Finding(guard, _begun(guard, began)) for guard in guards)
        numbered = [(1 << index, finding) for index, finding in enumerate(self.all)]
        self._of_calls = [one for one in numbered if one[1].guard.source in (Source.UNITS, Source.DECISIONS)]
        self._of_pairs = [one for one in numbered if one[1].guard.source in (Source.PAIRS, Source.TIMES, Source.SHARES)]
        self._paired: set[int] = set()
        self._asked: set[int] = set()
        self._anew = began + SHARES_ANEW
        self.faults = sum(sign for sign, finding in self._of_calls if finding.guard.source is Source.UNITS)
        """The signs that are bad, whatever the other arm does."""
        self.units = [0, 0]
        """Units seen, the champion's and the canary's, once in a step."""
        self.pairs = 0

    def call(self, canary: bool, taken: Taken) -> None:
        """Count what a call says of its unit."""
        self.units[canary] += taken.first
        for sign, finding in self._of_calls if taken.signs else ():
            if taken.signs & sign and (taken.first or finding.guard.source is Source.UNITS):
                finding.event(taken.share, canary)
            elif taken.signs & UNKNOWN and taken.first:
                finding.doubtful.setdefault(taken.share, [0, 0])[canary] += 1

    def pair(self, pair: Pair) -> None:
        """Count what a pair says; where both bundles showed a sign, or neither, it says nothing.

        A unit repeats itself. So its first pair of an epoch alone says who was worse, if anybody was: counted by its
        first pair that differs, the better bundle runs out of units that can still speak for it. Shares count its
        first pair of an hour, times every pair. Its number is new in every epoch.
        """
        self.pairs += 1
        paired, asked = _first(self._paired, pair.unit), _first(self._asked, pair.unit)
        counts = {Source.PAIRS: paired, Source.SHARES: asked, Source.TIMES: True}
        for sign, finding in self._of_pairs:
            if not counts[finding.guard.source]:
                continue
            canary, champion = bool(pair.canary & sign), bool(pair.champion & sign)
            if finding.guard.source is Source.SHARES:
                finding.event(finding.guard.at_most, canary)
            elif canary != champion:
                finding.event(_PAIR, canary)

    def look(self, now: float) -> Verdict | None:
        """Weigh what has come; return what was found, by the guard that is surest, or None."""
        if now >= self._anew:
            self._asked.clear()
            self._anew = now + SHARES_ANEW
        for finding in self.all:
            finding.look(now)
        found = [finding for finding in self.all if finding.found]
        if not found:
            return None
        surest = max(found, key=lambda finding: finding.evidence.value / finding.guard.enough)
        return fail(
            surest.guard.name,
            f"{surest.guard.name}: {surest.text(self.units, self.pairs)}",
            evidence=surest.evidence.value,
            enough=surest.guard.enough,
            canary=surest.bad[True],
            champion=surest.bad[False],
        )

    def states(self) -> tuple[GuardState, ...]:
        """Return how every guard stands, as of the last look."""
        return tuple(self._state(finding) for finding in self.all)

    def _state(self, finding: Finding) -> GuardState:
        guard, (champion, canary) = finding.guard, finding.bad
        text = finding.text(self.units, self.pairs)
        return GuardState(guard.name, finding.evidence.value, guard.enough, canary, champion, guard.dry_run, text)


def _first(seen: set[int], unit: int | None) -> bool:
    """Whether the unit was not seen before, as far as is remembered; it is from now on. Who has no name is new."""
    if unit is None:
        return True
    if unit in seen:
        return False
    if len(seen) >= MOST_PAIRED:
        seen.clear()
    seen.add(unit)
    return True


def _begun(guard: Guard, began: float) -> Evidence | TwoSided:
    if guard.source is Source.DECISIONS:
        return two_sided(guard.tolerated, began)
    # A share is tested as a ratio is: each pair that differs is "the canary's", with a probability of `at_most`.
    return Evidence(1.0 if guard.source is Source.SHARES else guard.tolerated, began)


def _of(bad: int, seen: int) -> str:
    return f"{bad} of {seen} units ({bad / seen:.2%})" if seen else "no units"
