"""Rollouts through the real line in virtual time: a few runs of what `make sim` plays a hundred times."""

from dataclasses import replace
from math import inf

import pytest

from tests.sim.line.play import play
from tests.sim.line.scenes import GUILTY, INNOCENT, Scene

BRIEF = 2_000


@pytest.mark.parametrize("scene", INNOCENT, ids=lambda one: one.name)
def test_an_innocent_canary_stays(scene: Scene) -> None:
    assert play(replace(scene, calls=BRIEF), 1).when == inf


@pytest.mark.parametrize(
    ("name", "guards"),
    [
        ("ten times the rows", {"row_faults", "flaky"}),
        ("one score in ten", {"contract"}),
        ("every run fails", {"broken_runs", "flaky"}),
        ("runs take twice", {"slower"}),
        ("every score is the same", {"decisions"}),
    ],
)
def test_a_guilty_one_is_found_by_whoever_looks_for_it(name: str, guards: set[str]) -> None:
    scene = next(one for one in GUILTY if one.name.startswith(name))
    played = play(scene, 1)
    assert played.guard in guards, "a row at fault is also one at which one bundle of a pair raises"
    assert played.when < 30.0


def test_the_same_seed_is_the_same_rollout() -> None:
    assert play(GUILTY[0], 3) == play(GUILTY[0], 3)
