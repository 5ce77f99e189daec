"""The circuit breaker: opens after failures in a row, tries again after longer and longer pauses, closes on success."""

import pytest

from gateway.breaker import Breaker, BreakerLimits

LIMITS = BreakerLimits(failures=3, first_pause=1.0, longest_pause=4.0, trial=10.0)


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker(LIMITS)
    for _ in range(3):
        breaker.failed(at)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    breaker = Breaker(LIMITS)
    breaker.failed(0.0)
    breaker.failed(0.0)
    breaker.succeeded()
    breaker.failed(0.0)
    breaker.failed(0.0)
    assert not breaker.open
    assert breaker.allows(0.0)
    breaker.failed(0.0)
    assert breaker.open
    assert not breaker.allows(0.0)


def test_one_trial_after_the_pause() -> None:
    breaker = opened()
    assert not breaker.allows(0.99)
    assert breaker.allows(1.0)
    assert not breaker.allows(1.0), "one trial at a time"
    breaker.succeeded()
    assert not breaker.open
    assert breaker.allows(1.0)


def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_success() -> None:
    breaker, now = opened(), 0.0
    for pause in (1.0, 2.0, 4.0, 4.0):
        assert not breaker.allows(now + 0.99 * pause)
        now += pause
        assert breaker.allows(now)
        breaker.failed(now)
    breaker.succeeded()
    for _ in range(3):
        breaker.failed(now)
    assert not breaker.allows(now + 0.99)
    assert breaker.allows(now + 1.0)


def test_a_trial_that_never_ends_makes_room_for_another() -> None:
    breaker = opened()
    assert breaker.allows(1.0)
    assert not breaker.allows(10.99)
    assert breaker.allows(11.0)


@pytest.mark.parametrize(
    "wrong", [{"failures": 0}, {"first_pause": 0.0}, {"first_pause": 2.0, "longest_pause": 1.0}, {"trial": 0.0}]
)
def test_limits_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a breaker needs"):
        BreakerLimits(**wrong)  # type: ignore[arg-type]
