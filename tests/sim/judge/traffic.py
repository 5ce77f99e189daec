"""Traffic of a rollout as arrays: who called when, whose units they were, and which calls were bad.

Pure numpy and seeded. Times are seconds since the rollout began; a step's weight is the canary's, of 10,000.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BUCKETS = 10_000
OUTAGE_ODDS = 0.5
Rate = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Returns by second of the run what the rate is multiplied by, around 1."""


def constant(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ones_like(seconds)


def bursty(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ten seconds in each minute carry most of its calls."""
    return np.where(seconds % 60 < 10, 4.0, 0.4)


def daily(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """A day in twenty minutes."""
    return 1.0 + 0.9 * np.sin(2 * np.pi * seconds / 1200)


def in_outage(seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Five seconds in each two minutes."""
    return seconds % 120 < 5


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is played. Error rates are shares of calls, or with `sticky` of units, which then fail at every call."""

    name: str
    seconds: float = 1800.0
    rate: float = 200.0
    shape: Rate = constant
    steps: tuple[tuple[float, int], ...] = ((0.0, 500),)
    """When each step begins, and its weight."""
    units: int = 0
    """How many there are; 0: every call is a new one's."""
    pareto: bool = False
    """Whether a few of them make most of the calls."""
    champion: float = 0.01
    canary: float = 0.01
    onset: float = 0.0
    """When the canary's own error rate begins; until then it is the champion's."""
    sticky: bool = False
    outages: bool = False
    """Whether now and then, for some seconds, half of all calls are bad, whosesoever."""


@dataclass(frozen=True, slots=True)
class Calls:
    """One run's calls in the order of their admission."""

    at: NDArray[np.float64]
    unit: NDArray[np.int64]
    canary: NDArray[np.bool_]
    step: NDArray[np.int64]
    weight: NDArray[np.int64]
    bad: NDArray[np.bool_]


def draw(traffic: Traffic, seed: int) -> Calls:
    """Draw one run."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(traffic.seconds)
    per_second = rng.poisson(traffic.rate * traffic.shape(seconds))
    at = np.sort(np.repeat(seconds, per_second) + rng.random(per_second.sum()))
    unit = _units(traffic, rng, at.size)
    bucket = rng.integers(0, BUCKETS, unit.max(initial=0) + 1)
    begins = np.array([begin for begin, _ in traffic.steps])
    step = np.searchsorted(begins, at, side="right") - 1
    weight = np.array([weight for _, weight in traffic.steps])[step]
    canary = bucket[unit] < weight
    return Calls(at, unit, canary, step, weight, _bad(traffic, rng, at, unit, canary))


def _units(traffic: Traffic, rng: np.random.Generator, size: int) -> NDArray[np.int64]:
    if not traffic.units:
        return np.arange(size, dtype=np.int64)
    if not traffic.pareto:
        return rng.integers(0, traffic.units, size)
    odds = 1.0 / np.arange(1, traffic.units + 1) ** 1.1
    return rng.choice(traffic.units, size, p=odds / odds.sum())


def _bad(
    traffic: Traffic,
    rng: np.random.Generator,
    at: NDArray[np.float64],
    unit: NDArray[np.int64],
    canary: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    odds = np.where(canary & (at >= traffic.onset), traffic.canary, traffic.champion)
    if traffic.outages:
        odds = np.where(in_outage(at), OUTAGE_ODDS, odds)
    lot = rng.random(unit.max(initial=0) + 1)[unit] if traffic.sticky else rng.random(at.size)
    bad: NDArray[np.bool_] = lot < odds
    return bad
