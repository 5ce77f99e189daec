"""One run as judges see it: events for ours, counts for the common ones.

Where every call is a new unit's nothing but the bad ones' times matters, so they are drawn as such, by the second: a
day of 1,000 calls a second in some milliseconds. Where units come again every call is drawn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.sim.judge.counts import Counts, by_slot, counts_of
from tests.sim.judge.traffic import BUCKETS, OUTAGE_ODDS, Traffic, draw, in_outage
from tests.sim.judge.twin import Events, events_of


@dataclass(frozen=True, slots=True)
class Seen:
    """One run."""

    events: Events
    counts: Counts


def see(traffic: Traffic, seed: int) -> Seen:
    """Draw one run."""
    if traffic.units:
        calls = draw(traffic, seed)
        return Seen(events_of(calls), counts_of(calls, traffic.seconds))
    return _see_fresh(traffic, np.random.default_rng(seed))


def _see_fresh(traffic: Traffic, rng: np.random.Generator) -> Seen:
    seconds = np.arange(traffic.seconds)
    share = _share(traffic, seconds)
    rate = traffic.rate * traffic.shape(seconds)
    champion = np.where(in_outage(seconds), OUTAGE_ODDS, traffic.champion) if traffic.outages else traffic.champion
    own = np.where(seconds >= traffic.onset, traffic.canary, traffic.champion)
    canary = np.where(in_outage(seconds), OUTAGE_ODDS, own) if traffic.outages else own
    good = [rng.poisson(rate * part * (1 - odds)) for part, odds in ((share, canary), (1 - share, champion))]
    bad = [rng.poisson(rate * part * odds) for part, odds in ((share, canary), (1 - share, champion))]
    counts = Counts(by_slot(good[0] + bad[0]), by_slot(bad[0]), by_slot(good[1] + bad[1]), by_slot(bad[1]))
    second = np.concatenate([np.repeat(seconds, number) for number in bad])
    at = second + rng.random(second.size)
    return Seen(Events(at, np.arange(at.size) < bad[0].sum(), _share(traffic, second)), counts)


def _share(traffic: Traffic, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    begins, weights = zip(*traffic.steps, strict=True)
    return np.array(weights)[np.searchsorted(begins, seconds, side="right") - 1] / BUCKETS
