"""How soon a canary whose errors grow is found: by rate, weight, ratio and onset, with α shared as it is shipped."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from routing.declared import read_rollout
from routing.guard import one_share
from tests.sim.judge.rivals import repeated_z_test, thresholds
from tests.sim.judge.seen import see
from tests.sim.judge.traffic import Traffic
from tests.sim.judge.twin import first_found, looks, seldom

HORIZON = 3_600.0
"""Seconds after the onset within which a canary is found, or is not."""
BASE = 0.002
"""The champion's share of bad calls."""
ONSETS = (0.0, 3_600.0, 86_400.0)
RATES = (50.0, 200.0, 1_000.0)
_RULES = read_rollout({}).rules
ENOUGH = 1.0 / one_share(_RULES.guards, _RULES.alpha, others=1)
"""The evidence that each guard of the default declaration needs; the other test is the sample ratio's."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of a table; `weight` is the canary's, of 10,000."""

    rate: float
    weight: int
    times: float
    onset: float

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.rate:g} calls/s, {self.weight / 100:g} %, x{self.times:g}, after {self.onset / 3600:g} h"


ERRORS = tuple(
    Cell(rate, weight, times, onset)
    for onset in ONSETS
    for rate in RATES
    for weight in (100, 500, 2_000)
    for times in (3.0, 10.0, 25.0)
)
SMALLEST = tuple(
    Cell(rate, weight, times, ONSETS[1]) for rate in RATES for weight in (100, 500, 2_000) for times in (1.5, 2.0, 5.0)
)
"""Beside those of an hour, to see which is the smallest that is found."""
WATCHED = tuple(
    Cell(rate, weight, times, ONSETS[1])
    for rate in RATES
    for weight in (9_000, 9_800, 9_900)
    for times in (3.0, 10.0, 25.0)
)
"""Promoted, with 10, 2 and 1 % of units held back."""


def play_cell(cell: Cell, seeds: Sequence[int]) -> list[list[float]]:
    """Return by run how long after the onset each judge rolled back (ours, thresholds, z-test), and what it had cost.

    That is the canary's bad calls since the onset, and the events of both arms, until ours did. Before the onset our
    judge looks twice in half a minute, and from then on after every flush. Who rolled back before has a time below 0.
    """
    traffic = Traffic(
        cell.name,
        seconds=cell.onset + HORIZON,
        rate=cell.rate,
        steps=((0.0, cell.weight),),
        champion=BASE,
        canary=BASE * cell.times,
        onset=cell.onset,
    )
    at = np.r_[seldom(cell.onset), looks(cell.onset, traffic.seconds)]
    rows = []
    for seed in seeds:
        run = see(traffic, seed)
        when = first_found(run.events, at, ENOUGH)
        since = (run.events.at >= cell.onset) & (run.events.at < when)
        suffered, events = int((since & run.events.canary).sum()), int(since.sum())
        found = [one - cell.onset for one in (when, thresholds(run.counts, BASE), repeated_z_test(run.counts))]
        rows.append([*found, suffered, events])
    return rows
