"""Plays event streams: when would each judge have rolled back?"""

from collections.abc import Sequence

from routing.guard import ALPHA
from tests.sim.judge.rivals import repeated_z_test, thresholds
from tests.sim.judge.seen import see
from tests.sim.judge.traffic import Traffic
from tests.sim.judge.twin import first_reached, looks


def play_stream(traffic: Traffic, seeds: Sequence[int]) -> list[list[float]]:
    """Return by run when each rolled back (ours with all of α, thresholds, z-test); infinity is never."""
    at = looks(0.0, traffic.seconds)
    rows = []
    for seed in seeds:
        run = see(traffic, seed)
        ours = first_reached(run.events, at, 1.0 / ALPHA)
        rows.append([ours, thresholds(run.counts, traffic.champion), repeated_z_test(run.counts)])
    return rows
