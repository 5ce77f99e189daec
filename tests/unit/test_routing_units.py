"""Units give evidence once a step, by their first calls, with the probability that the split gives them."""

import random
from collections.abc import Callable

import pytest

from routing.evidence import Evidence
from routing.order import Settled
from routing.split import BUCKETS, bucket_of
from routing.units import FIRST_CALLS, Taken, Units

FIVE_PERCENT = BUCKETS // 20


def take(units: Units, unit: int, canary: bool, step: int, weight: int, bad: bool) -> float | None:
    """Return the share with which the call is an event of the guard 1, None if it is no event."""
    taken = units.take(Settled(0.0, unit, canary, step, weight, int(bad)))
    return taken.share if taken is not None and taken.signs else None


def test_a_unit_is_decided_by_its_first_calls() -> None:
    units = Units()
    assert take(units, 1, False, 0, FIVE_PERCENT, bad=False) is None
    assert take(units, 1, False, 0, FIVE_PERCENT, bad=True) == 0.05
    assert take(units, 1, False, 0, FIVE_PERCENT, bad=True) is None, "once"
    for _ in range(FIRST_CALLS):
        assert take(units, 2, True, 0, FIVE_PERCENT, bad=False) is None
    assert take(units, 2, True, 0, FIVE_PERCENT, bad=True) is None, "it was good"
    assert (units.fresh, units.spent) == (2 * FIRST_CALLS, 1)


def test_every_guard_has_its_own_event_of_a_unit() -> None:
    units = Units()
    seen = [units.take(Settled(0.0, 7, True, 0, FIVE_PERCENT, signs)) for signs in (0b01, 0b11, 0b111, 0b1111)]
    assert seen == [Taken(0.05, 0b01, 0, True), Taken(0.05, 0b10, 0b01, False), Taken(0.05, 0b100, 0b11, False), None]


def test_the_champions_units_are_events_again_when_the_weight_rises() -> None:
    units = Units()
    take(units, 1, False, 0, 500, bad=True)
    assert take(units, 1, False, 1, 2_000, bad=True) == 1_500 / 9_500
    assert take(units, 1, True, 2, 5_000, bad=True) == 3_000 / 8_000
    assert take(units, 1, True, 3, 9_000, bad=True) is None, "it was the canary's"


def test_nothing_that_was_seen_is_an_event_after_the_weight_fell() -> None:
    units = Units()
    take(units, 1, False, 0, 2_000, bad=False)
    assert take(units, 1, False, 1, 500, bad=True) is None
    assert take(units, 1, False, 2, 2_000, bad=True) is None, "nor when it is back where it was"
    assert take(units, 1, True, 3, 5_000, bad=True) == 3_000 / 8_000, "beyond that it is"
    assert take(units, 2, False, 1, 500, bad=True) == 0.05, "a new one is fresh"


@pytest.mark.parametrize("weight", [0, BUCKETS])
def test_who_could_only_be_one_arms_says_nothing(weight: int) -> None:
    assert take(Units(), 1, weight > 0, 0, weight, bad=True) is None


def test_too_many_units_are_thinned_alike() -> None:
    units = Units(most=100)
    for unit in range(1000):
        take(units, unit, False, 0, 500, bad=False)
    assert 50 <= len(units) <= 100
    assert take(units, 1_600, False, 0, 500, bad=True) == 0.05
    assert take(units, 1_601, False, 0, 500, bad=True) is None


def rollout(seed: int, rate: Callable[[int, bool], float], calls: int = 30_000, population: int = 33_000) -> float:
    """Return the highest E of a rollout at 5 % among so many sticky units, whose badness is their own."""
    draw, units, evidence, highest = random.Random(seed), Units(), Evidence(1.25, 0.0), 0.0
    salt = seed.to_bytes(4, "big")
    arms = [bucket_of(salt, str(unit)) < FIVE_PERCENT for unit in range(population)]
    bad = [draw.random() < rate(unit, arms[unit]) for unit in range(population)]
    for number in range(calls):
        unit = min(int(draw.paretovariate(1.2) * 50), population - 1)
        share = take(units, unit, arms[unit], 0, FIVE_PERCENT, bad[unit])
        if share is not None:
            evidence = evidence.observed(arms[unit], not arms[unit], share, number / 200)
            highest = max(highest, evidence.value)
    return highest


def test_sticky_units_that_repeat_their_errors_roll_back_no_innocent_canary() -> None:
    assert sum(rollout(seed, lambda unit, canary: 0.02) >= 100.0 for seed in range(12)) == 0


def test_a_better_canary_is_not_rolled_back_and_a_worse_one_is() -> None:
    assert all(rollout(seed, lambda unit, canary: 0.01 if canary else 0.05) < 100.0 for seed in range(6))
    assert all(rollout(seed, lambda unit, canary: 0.30 if canary else 0.02) >= 100.0 for seed in range(6))


def test_while_the_canary_has_no_weight_no_unit_is_used_up() -> None:
    units = Units()
    for _ in range(5):
        assert units.take(Settled(0.0, 7, False, 0, 0, 0)) is None
    assert (units.fresh, units.spent) == (0, 0)


def test_units_of_an_epoch_that_is_over_make_room_before_others_are_thinned() -> None:
    units = Units(most=100)
    for unit in range(100):
        units.take(Settled(0.0, unit, False, 0, FIVE_PERCENT, 0, 0))
    for unit in range(100, 150):
        assert units.take(Settled(0.0, unit, False, 0, FIVE_PERCENT, 0, 1)) is not None
    assert len(units) == 50
    assert units.take(Settled(0.0, 7, False, 0, FIVE_PERCENT, 1, 0)) is None, "it has had its say, and nobody knows"
    assert all(units.take(Settled(0.0, 1000 + odd, False, 0, FIVE_PERCENT, 0, 1)) for odd in range(50)), (
        "none is thinned"
    )
