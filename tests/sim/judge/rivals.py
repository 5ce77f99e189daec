"""Two common judges on the same traffic: fixed thresholds on windows of a minute, a z-test looked at again."""

import numpy as np
from numpy.typing import NDArray

from tests.sim.judge.traffic import Calls

EVERY, WINDOW = 10.0, 60.0
LEAST_SUCCESS, CHECKS = 0.99, 5
P_VALUE_1_PERCENT = 2.326  # of the standard normal distribution, one-sided


def thresholds(calls: Calls, seconds: float) -> float:
    """Return when the fifth check failed, infinity if never: each looks whether a minute of the canary has 99 % good.

    As Flagger does with `interval: 10s`, `threshold: 5` and a success rate of at least 99.
    """
    edges = np.arange(0.0, seconds + EVERY, EVERY)
    total, bad = _by_slot(calls, calls.canary, edges)
    per_window = round(WINDOW / EVERY)
    summed, worse = _moving(total, per_window), _moving(bad, per_window)
    failed = np.cumsum((summed > 0) & (worse > (1 - LEAST_SUCCESS) * summed))
    return _first(failed >= CHECKS, edges)


def repeated_z_test(calls: Calls, seconds: float) -> float:
    """Return when a one-sided test of two shares at 1 % first rejected, looked at every ten seconds on all so far."""
    edges = np.arange(0.0, seconds + EVERY, EVERY)
    total, bad = (np.cumsum(one) for one in _by_slot(calls, calls.canary, edges))
    of_champion, bad_champion = (np.cumsum(one) for one in _by_slot(calls, ~calls.canary, edges))
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (bad + bad_champion) / (total + of_champion)
        error = np.sqrt(pooled * (1 - pooled) * (1 / total + 1 / of_champion))
        score = (bad / total - bad_champion / of_champion) / error
    return _first(np.nan_to_num(score, nan=0.0) > P_VALUE_1_PERCENT, edges)


def _by_slot(
    calls: Calls, chosen: NDArray[np.bool_], edges: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.histogram(calls.at[chosen], edges)[0], np.histogram(calls.at[chosen & calls.bad], edges)[0]


def _moving(counts: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    summed = np.cumsum(np.r_[np.zeros(width, np.int64), counts])
    moving: NDArray[np.int64] = summed[width:] - summed[:-width]
    return moving


def _first(true: NDArray[np.bool_], edges: NDArray[np.float64]) -> float:
    return float(edges[1:][np.argmax(true)]) if true.any() else float("inf")
