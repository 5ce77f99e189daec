"""The judge's arithmetic once more, for thousands of runs at a time: shown equal to the shipped one on drawn traffic.

Written apart from `routing` and in another way: what is an event comes from sorting, evidence is one matrix of runs
and bets. Only the numbers of the bets are shared.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.evidence import HIGHER, STAKE_EVERY
from routing.units import FIRST_CALLS
from tests.sim.judge.traffic import BUCKETS, Calls

FLUSH = 0.5
TOLERATED = 1.25


@dataclass(frozen=True, slots=True)
class Events:
    """One run's events: when, whose, and with which probability they were the canary's."""

    at: NDArray[np.float64]
    canary: NDArray[np.bool_]
    share: NDArray[np.float64]


def events_of(calls: Calls) -> Events:
    """Return the first bad call among each unit's first calls of a step, where the split leaves open whose it is."""
    size = int(calls.unit.max(initial=0)) + 1
    seen_at, was_canary = np.zeros(size, np.int64), np.zeros(size, np.bool_)
    found: list[NDArray[np.intp]] = []
    shares: list[NDArray[np.float64]] = []
    for step in np.unique(calls.step):
        inside = np.flatnonzero(calls.step == step)
        unit, weight = calls.unit[inside], int(calls.weight[inside[0]])
        order = np.argsort(unit, kind="stable")
        sorted_unit = unit[order]
        starts = np.flatnonzero(np.r_[True, sorted_unit[1:] != sorted_unit[:-1]])
        rank = np.arange(order.size) - np.repeat(starts, np.diff(np.r_[starts, order.size]))
        early_bad = np.zeros(order.size, np.bool_)
        early_bad[order] = rank < FIRST_CALLS
        early_bad &= calls.bad[inside]
        _, first = np.unique(unit[early_bad], return_index=True)
        events = np.flatnonzero(early_bad)[first]
        who = unit[events]
        share = np.where(was_canary[who], 0.0, (weight - seen_at[who]) / (BUCKETS - seen_at[who]))
        open_ones = (share > 0) & (share < 1)
        found.append(inside[events[open_ones]])
        shares.append(share[open_ones])
        here = sorted_unit[starts]
        seen_at[here] = np.maximum(seen_at[here], weight)
        was_canary[here] |= calls.canary[inside][order[starts]]
    index = np.concatenate(found)
    return Events(calls.at[index], calls.canary[index], np.concatenate(shares))


def evidence(runs: Iterable[Events], seconds: float) -> Iterator[NDArray[np.float64]]:
    """Yield by flush the evidence of every run."""
    flushes = round(seconds / FLUSH)
    gains = [_gains_by_flush(run, flushes) for run in runs]
    bets = np.array(HIGHER)
    sums = np.full((len(gains), bets.size), 0.5)
    stakes = 1
    for flush in range(flushes):
        begun = 1 + int((flush + 1) * FLUSH / STAKE_EVERY)
        sums += 1.0 / (stakes + 1) - 1.0 / (begun + 1)
        stakes = begun
        for number, by_flush in enumerate(gains):
            gain = by_flush.get(flush)
            if gain is not None:
                sums[number] = np.minimum(1e200, sums[number] * np.exp(np.minimum(gain, 400.0)))
        yield sums.mean(axis=1) + 1.0 / (stakes + 1)


def first_reached(runs: Iterable[Events], seconds: float, alpha: float) -> NDArray[np.float64]:
    """Return by run when its evidence first was enough, infinity where it never was."""
    runs = list(runs)
    when = np.full(len(runs), np.inf)
    for flush, values in enumerate(evidence(runs, seconds)):
        new = (values >= 1.0 / alpha) & np.isinf(when)
        when[new] = (flush + 1) * FLUSH
    return when


def _gains_by_flush(run: Events, flushes: int) -> dict[int, NDArray[np.float64]]:
    """By flush the logarithms that the bets grow by: only flushes with an event have any."""
    flush = (run.at / FLUSH).astype(np.int64)
    bets = TOLERATED * np.array(HIGHER)[None, :]
    share = run.share[:, None]
    null = share * TOLERATED / (share * TOLERATED + 1 - share)
    other = share * bets / (share * bets + 1 - share)
    gain = np.where(run.canary[:, None], np.log(other / null), np.log((1 - other) / (1 - null)))
    order = np.argsort(flush, kind="stable")
    which, starts = np.unique(flush[order], return_index=True)
    if not which.size:
        return {}
    totals = np.add.reduceat(gain[order], starts, axis=0)
    return {number: total for number, total in zip(which.tolist(), totals, strict=True) if number < flushes}
