"""Pairs as events: both bundles on the same row, the slower one beyond a margin, a coin where they are alike."""

from dataclasses import dataclass

import numpy as np

from tests.sim.judge.twin import Events


@dataclass(frozen=True, slots=True)
class PairTraffic:
    """Run times scatter log-normally by `noise` each; the canary's are `ratio` times the champion's from the onset."""

    name: str
    ratio: float
    rate: float = 5.0
    """Pairs a second."""
    noise: float = 0.15
    margin: float = 0.1
    """By how much slower counts."""
    onset: float = 0.0
    seconds: float = 1800.0


def pair_events(traffic: PairTraffic, seed: int) -> Events:
    """Draw the pairs in which one bundle was slower beyond the margin."""
    rng = np.random.default_rng(seed)
    at = np.sort(rng.random(rng.poisson(traffic.rate * traffic.seconds)) * traffic.seconds)
    ratio = np.where(at >= traffic.onset, traffic.ratio, 1.0)
    difference = np.log(ratio) + rng.normal(0.0, traffic.noise * np.sqrt(2.0), at.size)
    canary, champion = difference > np.log1p(traffic.margin), -difference > np.log1p(traffic.margin)
    discordant = canary | champion
    return Events(at[discordant], canary[discordant], np.full(int(discordant.sum()), 0.5))


ALIKE = PairTraffic("pairs, alike", 1.0)
SLOWER = tuple(PairTraffic(f"pairs, {(ratio - 1):+.0%} slower", ratio) for ratio in (1.1, 1.5, 2.0))
