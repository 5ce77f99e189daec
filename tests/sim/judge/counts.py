"""Calls and bad calls of each arm by slots of ten seconds: all that the common judges look at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.sim.judge.traffic import Calls

SLOT = 10


@dataclass(frozen=True, slots=True)
class Counts:
    """By slot, from the beginning of the run."""

    canary: NDArray[np.int64]
    canary_bad: NDArray[np.int64]
    champion: NDArray[np.int64]
    champion_bad: NDArray[np.int64]


def counts_of(calls: Calls, seconds: float) -> Counts:
    """Count calls that were drawn one by one."""
    slot, slots = (calls.at / SLOT).astype(np.int64), round(seconds / SLOT)

    def count(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(slot[chosen], minlength=slots)[:slots]

    canary, bad = calls.canary, calls.bad
    return Counts(count(canary), count(canary & bad), count(~canary), count(~canary & bad))


def by_slot(by_second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add up what was counted by second."""
    added: NDArray[np.int64] = np.add.reduceat(by_second, np.arange(0, by_second.size, SLOT))
    return added
