"""Two common judges on the same traffic: fixed thresholds on windows of a minute, a z-test looked at again."""

import numpy as np
from numpy.typing import NDArray

from tests.sim.judge.counts import SLOT, Counts

WINDOW = 60
ALLOWED, CHECKS = 0.01, 5
P_VALUE_1_PERCENT = 2.326  # of the standard normal distribution, one-sided


def thresholds(counts: Counts, usual: float) -> float:
    """Return when the fifth check failed, infinity if never: each looks whether a minute of the canary has 99 % good.

    As Flagger does with `interval: 10s`, `threshold: 5` and a success rate of at least 99, or of twice what the
    champion's errors are where that is more: whoever wrote the threshold is taken to have known his traffic.
    """
    allowed = max(ALLOWED, 2.0 * usual)
    total, bad = _moving(counts.canary, WINDOW // SLOT), _moving(counts.canary_bad, WINDOW // SLOT)
    failed = np.cumsum((total > 0) & (bad > allowed * total))
    return _first(failed >= CHECKS)


def repeated_z_test(counts: Counts) -> float:
    """Return when a one-sided test of two shares at 1 % first rejected, looked at every ten seconds on all so far."""
    total, bad = np.cumsum(counts.canary), np.cumsum(counts.canary_bad)
    of_champion, bad_champion = np.cumsum(counts.champion), np.cumsum(counts.champion_bad)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (bad + bad_champion) / (total + of_champion)
        error = np.sqrt(pooled * (1 - pooled) * (1 / total + 1 / of_champion))
        score = (bad / total - bad_champion / of_champion) / error
    return _first(np.nan_to_num(score, nan=0.0) > P_VALUE_1_PERCENT)


def repeated_sign_test(canary: NDArray[np.int64], champion: NDArray[np.int64]) -> float:
    """Return when the same test first rejected that either bundle is as often the worse one of a pair; counts by slot.

    It tolerates no difference at all.
    """
    worse, all_of_them = np.cumsum(canary), np.cumsum(canary + champion)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (worse - all_of_them / 2) / np.sqrt(all_of_them / 4)
    return _first(np.nan_to_num(score, nan=0.0) > P_VALUE_1_PERCENT)


def _moving(counts: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    summed = np.cumsum(np.r_[np.zeros(width, np.int64), counts])
    moving: NDArray[np.int64] = summed[width:] - summed[:-width]
    return moving


def _first(true: NDArray[np.bool_]) -> float:
    return float(SLOT * (np.argmax(true) + 1)) if true.any() else float("inf")
