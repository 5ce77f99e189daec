"""Evidence that one arm does something more often than the other, valid however often one looks.

The arm-label e-process (Lindon & Malek, NeurIPS 2022, arXiv:2011.03567): each event came from the canary or from the
champion, and how probable either was is known, because we split the traffic ourselves. Whoever bets on a ratio of the
arms' rates that is not there does not get richer; by Ville's inequality he ever multiplies his stake by 1/α with a
probability of at most α. So no variance, no least sample and no schedule of looks is needed, and bursts and cycles,
which meet both arms alike, prove nothing.

A bet that has lost for hours needs as long to recover. Therefore a stake is held back, and a part of it begins anew
every half minute: 1/(k(k+1)) the k-th time, which adds up to one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, log

STAKE_EVERY = 30.0
"""Seconds from one start to the next."""
HIGHER = tuple(1.2 * (200 / 1.2) ** (number / 39) for number in range(40))
"""The ratios that are bet on, in units of the largest one that is tolerated."""
LOWER = tuple(1.0 / ratio for ratio in HIGHER)
"""The same for one who bets that the canary does it less often."""
_MOST = 1e200


@dataclass(frozen=True, slots=True)
class Evidence:
    """A bet against "the canary does it at most `tolerated` times as often as the champion".

    With `bets` LOWER, against "at least": for non-inferiority. `sums` is by bet what its stakes have become; `stakes`
    have been placed since `began`, in seconds on any clock that goes on.
    """

    tolerated: float
    began: float
    bets: tuple[float, ...] = HIGHER
    sums: tuple[float, ...] = ()
    stakes: int = 1

    def __post_init__(self) -> None:
        if self.tolerated <= 0:
            raise ValueError(f"the tolerated ratio is {self.tolerated:g}; it lies above 0")
        if not self.sums:
            object.__setattr__(self, "sums", (0.5,) * len(self.bets))

    @property
    def value(self) -> float:
        """E: what a stake of one has become. The null is rejected at level α when it has reached 1/α."""
        return sum(self.sums) / len(self.sums) + 1.0 / (self.stakes + 1)

    def observed(self, canary: int, champion: int, share: float, now: float) -> "Evidence":
        """Return the evidence after so many events of each arm, none later than `now`, none before those seen already.

        `share` is the probability with which each event's unit was the canary's, given that it was one of the two's.
        At 0 and 1 events say nothing. Events of one call must not straddle a look at `value`: they are taken together.
        """
        begun = max(self.stakes, 1 + int((now - self.began) / STAKE_EVERY))
        new = 1.0 / (self.stakes + 1) - 1.0 / (begun + 1)
        sums: Iterable[float] = (held + new for held in self.sums)
        if 0.0 < share < 1.0 and canary + champion:
            gains = _gains(self.tolerated, self.bets, share)
            sums = (
                _grown(held, canary * of_canary + champion * of_champion)
                for held, (of_canary, of_champion) in zip(sums, gains, strict=True)
            )
        return replace(self, sums=tuple(sums), stakes=begun)


@dataclass(frozen=True, slots=True)
class TwoSided:
    """Evidence that the canary does something more often than tolerated, or more seldom: the mean of the two."""

    more: Evidence
    less: Evidence

    @property
    def value(self) -> float:
        """E, as `Evidence.value`."""
        return (self.more.value + self.less.value) / 2

    def observed(
        self, canary: int, champion: int, share: float, now: float, doubtful: tuple[int, int] = (0, 0)
    ) -> "TwoSided":
        """As `Evidence.observed`; the side that looks for less sees the arms swapped.

        `doubtful` counts calls of the champion and the canary of which nobody knows whether they were events. Each side
        takes them as speaks against it: an arm whose calls come late has not done it more seldom.
        """
        of_champion, of_canary = doubtful
        return TwoSided(
            self.more.observed(canary, champion + of_champion, share, now),
            self.less.observed(champion, canary + of_canary, 1.0 - share, now),
        )


def two_sided(tolerated: float, began: float, bets: tuple[float, ...] = HIGHER) -> TwoSided:
    """Begin to look to both sides for more than `tolerated` times as often, or as seldom."""
    return TwoSided(Evidence(tolerated, began, bets), Evidence(tolerated, began, bets))


def seconds_until(evidence: Evidence, enough: float, canary: float, champion: float, share: float) -> float | None:
    """Return in how many seconds E is `enough`, if so many events of each arm go on to come a second; None: never.

    A bet that gains g a second, in logarithms (the sum of rate and gain over both arms), has become
    (S + next stake) · exp(g·t) in t seconds; asked is the t at which the bets' mean is `enough`. Bets that lose are
    left out. An event more or less is worth a lot: this is right within a factor of about two, not to the minute.
    """
    if evidence.value >= enough:
        return 0.0
    if not 0.0 < share < 1.0:
        return None
    stake = 1.0 / ((evidence.stakes + 1) * (evidence.stakes + 2))
    gains = _gains(evidence.tolerated, evidence.bets, share)
    speeds = (canary * of_canary + champion * of_champion for of_canary, of_champion in gains)
    growing = [(log(held + stake), speed) for held, speed in zip(evidence.sums, speeds, strict=True) if speed > 0]
    if not growing:
        return None
    wanted = log(enough * len(evidence.bets))
    soonest, latest = 0.0, min((wanted - held) / speed for held, speed in growing)
    while latest - soonest > 0.01 * latest:
        middle = (soonest + latest) / 2
        if sum(exp(min(held + speed * middle - wanted, 1.0)) for held, speed in growing) >= 1.0:
            latest = middle
        else:
            soonest = middle
    return latest


@lru_cache(maxsize=1024)
def _gains(tolerated: float, bets: tuple[float, ...], share: float) -> tuple[tuple[float, float], ...]:
    """By bet the logarithm of what an event multiplies it by: the canary's, the champion's."""
    null = _canary_probability(tolerated, share)
    gains = []
    for bet in bets:
        other = _canary_probability(tolerated * bet, share)
        gains.append((log(other / null), log((1.0 - other) / (1.0 - null))))
    return tuple(gains)


def _canary_probability(ratio: float, share: float) -> float:
    """How probably an event is the canary's, which does it `ratio` times as often."""
    return share * ratio / (share * ratio + 1.0 - share)


def _grown(held: float, gain: float) -> float:
    return min(_MOST, held * exp(min(gain, 400.0)))
