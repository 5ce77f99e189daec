"""How a candidate's answers differ from the champion's on the same rows: for people to read, and no evidence.

Two comparisons merge into one, in any order, and none grows with its rows: scores are counted in bins that are 1 % wide
whatever a deployment's scores mean (probabilities of one in ten thousand and prices of hundreds are told apart equally
well), and of the rows only those that differ most are named.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import copysign, exp, floor, log
from typing import NamedTuple

NAMED = 10
"""Entities that are named."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Where the scores' shift is looked at."""

_WIDTH = log(1.01)
# Scores nearer to 0 are 0, and greater ones the greatest: so there are never more than some 7,000 bins.
_LEAST, _GREATEST = 1e-6, 1e9
_FIRST = floor(log(_LEAST) / _WIDTH) - 1
_ENTITY = 120

Bins = Mapping[int, int]
"""Counts by bin. Bins have the sign of their scores, and 0 is that of 0."""


class Differing(NamedTuple):
    """An entity, and what each bundle scored on a row of it."""

    entity: str
    champion: float
    candidate: float

    @property
    def distance(self) -> float:
        """How far the scores lie apart."""
        return abs(self.candidate - self.champion)


class QuantileShift(NamedTuple):
    """A quantile of either's scores, to half a percent."""

    quantile: float
    champion: float
    candidate: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What so many pairs showed, of rows that both bundles decided."""

    rows: int = 0
    flips: int = 0
    """Rows on which the decisions differ."""
    distance: float = 0.0
    """The sum of the scores' distances."""
    money: float = 0.0
    """What the candidate's decisions are worth more, where the policy prices them."""
    champion: Bins = field(default_factory=dict)
    candidate: Bins = field(default_factory=dict)
    most_different: tuple[Differing, ...] = ()
    """At most `NAMED`, each entity once, the most different one first."""

    @property
    def mean_distance(self) -> float:
        """The mean of the scores' distances."""
        return self.distance / self.rows if self.rows else 0.0

    def quantiles(self) -> tuple[QuantileShift, ...]:
        """Return where each of `QUANTILES` lies for either; nothing without rows."""
        if not self.rows:
            return ()
        either = (_quantiles(self.champion), _quantiles(self.candidate))
        return tuple(map(QuantileShift, QUANTILES, *either))

    def merged(self, other: "Comparison") -> "Comparison":
        """Return the comparison of all rows of both."""
        return Comparison(
            self.rows + other.rows,
            self.flips + other.flips,
            self.distance + other.distance,
            self.money + other.money,
            _added(self.champion, other.champion),
            _added(self.candidate, other.candidate),
            _most_different((*self.most_different, *other.most_different)),
        )


NO_COMPARISON = Comparison()
"""Of no rows."""


def compared(entity: str, champion: float, candidate: float, flip: bool, money: float = 0.0) -> Comparison:
    """Return the comparison of one row, by its finite scores."""
    differing = Differing(entity[:_ENTITY], champion, candidate)
    named = (differing,) if differing.distance else ()
    return Comparison(1, int(flip), differing.distance, money, {_bin(champion): 1}, {_bin(candidate): 1}, named)


def _bin(score: float) -> int:
    size = abs(score)
    if size < _LEAST:
        return 0
    return int(copysign(floor(log(min(size, _GREATEST)) / _WIDTH) - _FIRST, score))


def _score(number: int) -> float:
    """Return the middle of a bin."""
    return copysign(exp((abs(number) + _FIRST + 0.5) * _WIDTH), number) if number else 0.0


def _quantiles(bins: Bins) -> list[float]:
    rows, passed, found = sum(bins.values()), 0, list[float]()
    for number in sorted(bins):
        passed += bins[number]
        while len(found) < len(QUANTILES) and passed >= QUANTILES[len(found)] * rows:
            found.append(_score(number))
    return found


def _added(one: Bins, other: Bins) -> Bins:
    return {number: one.get(number, 0) + other.get(number, 0) for number in one.keys() | other.keys()}


def _most_different(all_of_them: Iterable[Differing]) -> tuple[Differing, ...]:
    by_entity: dict[str, Differing] = {}
    for one in sorted(all_of_them, key=lambda one: (-one.distance, one)):
        by_entity.setdefault(one.entity, one)
    return tuple(by_entity.values())[:NAMED]
