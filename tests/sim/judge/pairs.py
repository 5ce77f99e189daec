"""Pairs as events: both bundles on the same row, the slower one beyond a margin, a coin where they are alike.

Drawn as what is left of them: those in which one was slower than the other by more than the margin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from routing.declared import read_rollout
from routing.guard import ALPHA
from tests.sim.judge.counts import SLOT
from tests.sim.judge.power import ENOUGH, HORIZON, ONSETS, RATES
from tests.sim.judge.rivals import repeated_sign_test
from tests.sim.judge.twin import Events, first_found, looks, seldom

PAIR_RATE = 0.02
"""The share of a canary's rows that both bundles are run on."""
NOISE = 0.15
"""Run times scatter log-normally by so much, each for itself."""
MARGIN = next(one.margin for one in read_rollout({}).measures if one.name == "slower")


@dataclass(frozen=True, slots=True)
class PairCell:
    """One entry of the table: the canary's runs take `ratio` times the champion's, from the onset on."""

    rate: float
    """Calls a second, of which some become pairs."""
    ratio: float
    onset: float
    seconds: float

    @property
    def name(self) -> str:
        """What it is called."""
        if self.ratio == 1.0:
            return f"{self.rate:g} calls/s"
        return f"{self.rate:g} calls/s, runs take {self.ratio - 1:+.0%}, after {self.onset / 3600:g} h"


ALIKE = tuple(PairCell(rate, 1.0, 0.0, HORIZON) for rate in RATES)
SLOWER = tuple(
    PairCell(rate, ratio, onset, onset + HORIZON)
    for onset in ONSETS
    for rate in RATES
    for ratio in (1.05, 1.1, 1.2, 1.5, 2.0)
)


def play_alike(cell: PairCell, seeds: Sequence[int]) -> list[list[float]]:
    """Return by run when ours rolled back with all of α, and when a repeated test did; infinity is never."""
    at = looks(0.0, cell.seconds)
    return [_judged(_draw(cell, seed), cell, at, 1.0 / ALPHA) for seed in seeds]


def play_slower(cell: PairCell, seeds: Sequence[int]) -> list[list[float]]:
    """Return by run how long after the onset ours rolled back, with its share of α, and a repeated test."""
    at = np.r_[seldom(cell.onset), looks(cell.onset, cell.seconds)]
    return [[when - cell.onset for when in _judged(_draw(cell, seed), cell, at, ENOUGH)] for seed in seeds]


def _judged(events: Events, cell: PairCell, at: np.ndarray, enough: float) -> list[float]:
    slot, slots = (events.at / SLOT).astype(np.int64), round(cell.seconds / SLOT)
    canary, champion = (np.bincount(slot[arm], minlength=slots) for arm in (events.canary, ~events.canary))
    return [first_found(events, at, enough), repeated_sign_test(canary, champion)]


def _draw(cell: PairCell, seed: int) -> Events:
    rng = np.random.default_rng(seed)
    spans = [(0.0, cell.onset, 1.0), (cell.onset, cell.seconds, cell.ratio)]
    times, canary = [], []
    for begin, end, ratio in spans:
        for side, shift in ((True, np.log(ratio)), (False, -np.log(ratio))):
            odds = norm.sf((np.log1p(MARGIN) - shift) / (NOISE * np.sqrt(2.0)))
            drawn = rng.poisson(cell.rate * PAIR_RATE * odds * (end - begin))
            times.append(begin + rng.random(drawn) * (end - begin))
            canary.append(np.full(drawn, side))
    at = np.concatenate(times)
    return Events(at, np.concatenate(canary), np.full(at.size, 0.5))
