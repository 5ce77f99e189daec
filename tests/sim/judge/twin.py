"""The judge's arithmetic once more, a whole run at a time: shown equal to the shipped one on drawn traffic.

Written apart from `routing` and in another way: what is an event comes from sorting, evidence is one matrix of looks
and bets. Only the numbers of the bets are shared.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.evidence import HIGHER, STAKE_EVERY
from routing.units import FIRST_CALLS
from tests.sim.judge.traffic import BUCKETS, Calls

FLUSH = 0.5
TOLERATED = 1.25
_MOST = 460.0


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
    for step in range(int(calls.step.max(initial=0)) + 1):
        inside = np.flatnonzero(calls.step == step)
        if not inside.size:
            continue
        unit, weight = calls.unit[inside], int(calls.weight[inside[0]])
        # By unit, and then as they came: numbers that are all different sort much faster than a stable order is found.
        bits = unit.size.bit_length()
        keys = np.sort(unit << bits | np.arange(unit.size))
        sorted_unit, order = keys >> bits, keys & ((1 << bits) - 1)
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


def looks(since: float, until: float) -> NDArray[np.float64]:
    """Return when the judge looks: after each flush between two moments, the later one included."""
    return FLUSH * np.arange(round(since / FLUSH) + 1, round(until / FLUSH) + 1, dtype=np.float64)


def seldom(until: float) -> NDArray[np.float64]:
    """Return some of these looks: the one that places a stake and the one before, which leave the evidence as it is."""
    starts = STAKE_EVERY * np.arange(1, round(until / STAKE_EVERY) + 1, dtype=np.float64)
    return np.stack([starts - FLUSH, starts], axis=1).ravel()


def evidence(events: Events, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the evidence at each look. An event counts from the first look after it."""
    gains = _gains(events, np.searchsorted(at, events.at, side="right"), at.size)
    grown = np.cumsum(gains, axis=0)
    begun = 1 + (at / STAKE_EVERY).astype(np.int64)
    former = np.r_[1, begun[:-1]]
    starts = np.flatnonzero(begun > former)
    placed = np.log(1.0 / (former[starts] + 1) - 1.0 / (begun[starts] + 1))
    # A stake that begins at a look grows by that look's events, and by all that come after.
    before = placed[:, None] - (grown[starts] - gains[starts])
    stakes = np.logaddexp.accumulate(np.vstack([np.full((1, gains.shape[1]), np.log(0.5)), before]), axis=0)
    sums = grown + stakes[np.searchsorted(starts, np.arange(at.size), side="right")]
    value: NDArray[np.float64] = np.exp(np.minimum(sums, _MOST)).mean(axis=1) + 1.0 / (begun + 1)
    return value


def first_reached(events: Events, at: NDArray[np.float64], enough: float) -> float:
    """Return the first look at which the evidence was enough, infinity where it never was."""
    reached = evidence(events, at) >= enough
    return float(at[np.argmax(reached)]) if reached.any() else float("inf")


def first_found(events: Events, at: NDArray[np.float64], enough: float) -> float:
    """Return the same, sooner where it is soon: an eighth is looked at before all is."""
    soon = first_reached(events, at[: at.size // 8], enough)
    return soon if np.isfinite(soon) else first_reached(events, at, enough)


def _gains(events: Events, look: NDArray[np.intp], size: int) -> NDArray[np.float64]:
    """By look and bet the logarithm of what the look's events multiply the bet by."""
    bets = TOLERATED * np.array(HIGHER)
    gains = np.zeros((size, bets.size))
    for share in np.unique(events.share):
        null = share * TOLERATED / (share * TOLERATED + 1 - share)
        other = share * bets / (share * bets + 1 - share)
        this = events.share == share
        canary, champion = (
            np.bincount(look[this & arm], minlength=size)[:size] for arm in (events.canary, ~events.canary)
        )
        gains += np.outer(canary, np.log(other / null)) + np.outer(champion, np.log((1 - other) / (1 - null)))
    return gains
