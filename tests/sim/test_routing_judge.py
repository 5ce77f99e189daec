"""The judge on drawn traffic: the twin of its arithmetic is equal to it, and the order of admission is what counts."""

from dataclasses import replace

import numpy as np
import pytest

from routing.verdict import Outcome
from tests.sim.judge.fold import evidence_of
from tests.sim.judge.scenarios import INNOCENT, RAMP
from tests.sim.judge.seen import see
from tests.sim.judge.traffic import Traffic, draw
from tests.sim.judge.twin import events_of, evidence, looks

BRIEF = [(0.0, 100), (20.0, 500), (40.0, 2_000)]
GOLDEN = [
    Traffic("fresh", 60.0, 300.0, champion=0.05, canary=0.15),
    Traffic("sticky ramp", 60.0, 300.0, steps=tuple(BRIEF), units=2_000, sticky=True, champion=0.05, canary=0.1),
    Traffic("pareto", 60.0, 300.0, steps=tuple(BRIEF), units=2_000, pareto=True, champion=0.1, canary=0.1),
]


@pytest.mark.parametrize("traffic", GOLDEN, ids=lambda one: one.name)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_twin_is_equal_to_the_shipped_judge(traffic: Traffic, seed: int) -> None:
    calls = draw(traffic, seed)
    shipped = [value for _, value, _ in evidence_of(calls, traffic.seconds)]
    twin = evidence(events_of(calls), looks(0.0, traffic.seconds))
    assert len(shipped) == 120
    assert np.ptp(shipped) > 0.1
    np.testing.assert_allclose(shipped, twin, rtol=1e-9)


def test_what_settles_late_in_one_arm_is_judged_in_its_place() -> None:
    """Champion's bad calls settle two seconds later than the canary's: evidence is the same, two seconds later."""
    traffic = replace(GOLDEN[0], outages=True, canary=0.05)
    calls = draw(traffic, 3)
    prompt = [value for _, value, _ in evidence_of(calls, traffic.seconds)]
    late = [value for _, value, _ in evidence_of(calls, traffic.seconds, late=2.0)]
    assert late[3] == 1.0, "nothing has settled yet"
    np.testing.assert_allclose(late[58], prompt[54], rtol=1e-9)
    assert max(late) < 10.0


def test_a_guilty_canary_is_found_within_seconds() -> None:
    traffic = Traffic("guilty", 60.0, champion=0.002, canary=0.5)
    outcomes = [(now, outcome) for now, _, outcome in evidence_of(draw(traffic, 5), traffic.seconds)]
    found = [now for now, outcome in outcomes if outcome is Outcome.FAIL]
    assert found[0] <= 3.0
    assert len(found) == len([now for now, _ in outcomes if now >= found[0]]), "it stands"


@pytest.mark.parametrize("traffic", [INNOCENT[0], INNOCENT[8], INNOCENT[10]], ids=lambda one: one.name)
def test_innocent_canaries_stay(traffic: Traffic) -> None:
    """A few runs of what `make sim` plays two thousand times."""
    at = looks(0.0, traffic.seconds)
    assert max(evidence(see(traffic, seed).events, at).max() for seed in range(10)) < 100.0


def test_a_ramp_ends_before_its_traffic() -> None:
    assert RAMP[-1][0] < Traffic("any").seconds
