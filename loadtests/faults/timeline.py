"""What callers saw when: the seconds of a run one by one, the first answer after a moment, and the way back to normal.

Pure arithmetic on the calls of a journal; times are seconds since the run began.
"""

import math
from dataclasses import dataclass

import numpy as np

from loadtests.faults.ending import ANSWERED, KINDS
from loadtests.faults.journal import Calls
from loadtests.faults.ledger import GOOD


@dataclass(frozen=True, slots=True)
class Second:
    """The calls that were due in one slot: how each ended, and the p99 of those that got a prediction."""

    at: float
    counts: dict[str, int]
    p99_ms: float | None


def seconds(calls: Calls, end: float, slot: float = 1.0) -> list[Second]:
    """Return the run slot by slot."""
    return [_second(calls.between(at, at + slot), at) for at in np.arange(0.0, end, slot).tolist()]


def first_after(calls: Calls, moment: float, *kinds: int) -> float:
    """Return how long after a moment the first call ended so; infinity where none did."""
    heard = calls.heard[np.isin(calls.kind, kinds or (ANSWERED,))]
    later = heard[heard > moment]
    return float(later.min() - moment) if later.size else math.inf


def longest_gap(calls: Calls, begin: float, end: float) -> float:
    """Return the longest time within a span in which nobody got a prediction."""
    heard = np.sort(calls.heard[np.isin(calls.kind, GOOD)])
    inside = heard[(heard > begin) & (heard < end)]
    return float(np.diff(np.concatenate(([begin], inside, [end]))).max())


def back_to_normal(calls: Calls, moment: float, limit: float, slot: float = 0.25, calm: float = 1.0) -> float:
    """Return how long after a moment everything was well again, and stayed so for `calm` seconds.

    Well is a slot in which every call got a prediction and 99 % of them within `limit` seconds.
    """
    end = float(calls.sent.max()) if calls.sent.size else moment
    starts = np.arange(moment, end - slot, slot).tolist()
    well = [_is_well(calls.between(at, at + slot), limit) for at in starts]
    needed = round(calm / slot)
    for number in range(len(well) - needed + 1):
        if all(well[number : number + needed]):
            return float(starts[number] - moment)
    return math.inf


def p99(calls: Calls) -> float:
    """Return the 99th percentile in seconds of all calls sent; one that got no prediction is endless."""
    took = calls.took[np.isin(calls.kind, GOOD)]
    endless = max(0, len(calls.sent) - len(took))
    ranked = np.concatenate((np.sort(took), np.full(endless, math.inf)))
    return float(ranked[min(len(ranked) - 1, math.ceil(0.99 * len(ranked)) - 1)]) if len(ranked) else math.inf


def _second(calls: Calls, at: float) -> Second:
    took = calls.took[np.isin(calls.kind, GOOD)]
    counts = {kind: int(np.count_nonzero(calls.kind == number)) for number, kind in enumerate(KINDS)}
    return Second(at, counts, float(np.quantile(took, 0.99, method="higher")) * 1e3 if took.size else None)


def _is_well(calls: Calls, limit: float) -> bool:
    if not calls.sent.size:
        return False
    return bool(np.isin(calls.kind, GOOD).sum() == len(calls.sent)) and p99(calls) <= limit
