"""Interleaved blocks: short phases with and without a fault in turn, and the ratio of their p99s pair by pair.

A machine's moods last longer than two blocks, so they fall on both sides of each ratio. Every other pair is the other
way about.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from loadtests.faults.callers import Phase
from loadtests.faults.ending import ANSWERED, DEGRADED
from loadtests.faults.expectation import Expectation, at_most
from loadtests.faults.journal import Calls
from loadtests.faults.traffic import Run
from loadtests.spread import spread


def blocks(
    pairs: int, seconds: float, rate: float, calm: Mapping[str, float], fault: Mapping[str, float]
) -> list[Phase]:
    """Return the phases: calm and fault, fault and calm, and so on; `calm` and `fault` are the callers of each."""
    phases = []
    for number in range(pairs):
        pair = [Phase(seconds, rate, calm), Phase(seconds, rate, fault)]
        phases += pair[::-1] if number % 2 else pair
    return phases


def ratios(run: Run) -> list[float]:
    """Return for every pair the p99 under the fault over the p99 without it, of what the champion answered."""
    found = []
    for number in range(len(run.phases) // 2):
        first, second = (_champion_p99(run.in_phase(2 * number + at)) for at in (0, 1))
        calm, fault = (second, first) if number % 2 else (first, second)
        if math.isfinite(calm) and math.isfinite(fault):
            found.append(fault / calm)
    return found


def no_slower(found: Sequence[float], bound: float) -> Expectation:
    """Demand that the median ratio stays within the bound; its interval stands in the words."""
    if not found:
        return at_most("p99 of the champion, with over without", math.nan, bound, "×")
    middle = spread(found)
    return at_most(f"p99 of the champion, with over without [{middle.text()}]", middle.median, bound, "×")


def _champion_p99(calls: Calls) -> float:
    took = calls.took[np.isin(calls.kind, (ANSWERED, DEGRADED))]
    return float(np.quantile(took, 0.99, method="higher")) if took.size else math.nan
