"""The evidence's arithmetic: fair under the null, quick beyond it, and never tired."""

import random
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.evidence import HIGHER, LOWER, STAKE_EVERY, Evidence, seconds_until, two_sided
from routing.evidence import _canary_probability as probability
from routing.evidence import _gains as gains

shares = st.floats(0.001, 0.999)


@given(st.floats(0.5, 3.0), shares, st.sampled_from([HIGHER, LOWER]))
def test_no_bet_gains_where_the_ratio_is_what_is_tolerated(
    tolerated: float, share: float, bets: tuple[float, ...]
) -> None:
    chance = probability(tolerated, share)
    for of_canary, of_champion in gains(tolerated, bets, share):
        assert chance * exp(of_canary) + (1 - chance) * exp(of_champion) == pytest.approx(1.0)


@given(st.floats(0.01, 0.99), shares)
def test_every_bet_loses_where_it_is_less(part: float, share: float) -> None:
    chance = probability(1.25 * part, share)
    for of_canary, of_champion in gains(1.25, HIGHER, share):
        assert chance * exp(of_canary) + (1 - chance) * exp(of_champion) <= 1.0 + 1e-9


def test_nothing_seen_is_one_at_any_time() -> None:
    evidence = Evidence(1.25, began=100.0)
    assert evidence.value == pytest.approx(1.0)
    assert evidence.observed(0, 0, 0.05, 100.0 + 3600).value == pytest.approx(1.0)
    assert evidence.observed(5, 9, 1.0, 200.0).value == pytest.approx(1.0), "a share of 1 says nothing"


def test_events_may_be_taken_one_by_one_or_together() -> None:
    together = Evidence(1.25, 0.0).observed(3, 2, 0.05, 10.0)
    alone = Evidence(1.25, 0.0)
    for canary in (1, 1, 0, 1, 0):
        alone = alone.observed(canary, 1 - canary, 0.05, 10.0)
    assert alone.value == pytest.approx(together.value)


@pytest.mark.parametrize(("share", "events"), [(0.99, 635), (0.90, 61)])
def test_how_many_events_a_ten_times_worse_arm_takes(share: float, events: int) -> None:
    """As published for the watched time: the last percent of units on the old champion sees a regression late."""
    draw, needed = random.Random(1), []
    chance = probability(10.0, share)
    for _ in range(60):
        evidence, count = Evidence(1.0, 0.0), 0
        while evidence.value < 100.0:
            canary = draw.random() < chance
            evidence = evidence.observed(int(canary), int(not canary), share, 0.0)
            count += 1
        needed.append(count)
    assert sorted(needed)[30] == pytest.approx(events, rel=0.35)


def test_it_does_not_tire() -> None:
    """After eight quiet hours with errors a thousand times alike, a regression is found nearly as soon."""
    evidence, hours = Evidence(1.0, 0.0), 8
    for second in range(0, hours * 3600, 30):
        evidence = evidence.observed(3, 57, 0.05, float(second))
    found = 0
    while evidence.value < 100.0:
        evidence = evidence.observed(5, 19, 0.05, hours * 3600 + found * 10.0)
        found += 1
    assert found <= 12


def test_false_alarms_are_as_rare_as_promised() -> None:
    draw, alarms = random.Random(7), 0
    for _ in range(300):
        evidence, highest = Evidence(1.0, 0.0), 0.0
        for second in range(120):
            canary = sum(draw.random() < 0.05 for _ in range(10))
            evidence = evidence.observed(canary, 10 - canary, 0.05, second * STAKE_EVERY / 4)
            highest = max(highest, evidence.value)
        alarms += highest >= 20.0
    assert alarms <= 0.05 * 300 + 3 * (300 * 0.05 * 0.95) ** 0.5


def test_two_sides_find_less_as_well_as_more() -> None:
    more, less = two_sided(1.25, 0.0), two_sided(1.25, 0.0)
    for _ in range(100):
        more = more.observed(4, 6, 0.1, 1.0)
        less = less.observed(0, 10, 0.1, 1.0)
    assert more.value > 100.0
    assert less.value > 100.0


def test_non_inferiority_is_a_bet_on_less() -> None:
    evidence = Evidence(1.5, 0.0, LOWER)
    for _ in range(400):
        evidence = evidence.observed(0, 1, 0.5, 1.0).observed(1, 0, 0.5, 1.0)
    assert evidence.value > 100.0, "as often as the champion is less than half as often again"


def test_how_long_it_takes_is_what_it_takes_when_events_come_evenly() -> None:
    evidence = Evidence(1.25, 0.0)
    left = seconds_until(evidence, 200.0, canary=2.0, champion=8.0, share=0.05)
    assert left is not None
    taken = 0.0
    while evidence.value < 200.0:
        taken += 1.0
        evidence = evidence.observed(2, 8, 0.05, taken)
    assert left == pytest.approx(taken, rel=0.1, abs=1.0)
    assert seconds_until(evidence, 200.0, 2.0, 8.0, 0.05) == 0.0


@pytest.mark.parametrize(("canary", "champion", "share"), [(0, 0, 0.05), (0.5, 9.5, 0.05), (1, 1, 0.0), (1, 1, 1.0)])
def test_what_does_not_grow_never_gets_there(canary: float, champion: float, share: float) -> None:
    assert seconds_until(Evidence(1.25, 0.0), 200.0, canary, champion, share) is None


def test_a_ratio_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="tolerated"):
        Evidence(0.0, 0.0)
