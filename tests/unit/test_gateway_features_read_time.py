"""How long reads take at present: learned quickly, forgotten in time."""

import pytest

from gateway.features.read_time import ReadTime


def learned(*seconds: float) -> ReadTime:
    times = ReadTime(half_life=1.0)
    for one in seconds:
        times.observe(one, 0.0)
    return times


def test_what_is_not_known_is_tried() -> None:
    assert ReadTime().expect(100.0) == 0.0


def test_the_first_read_is_all_that_is_known() -> None:
    assert learned(0.01).expect(0.0) == pytest.approx(0.01)


def test_steady_reads_are_expected_again_and_scattered_ones_take_longer() -> None:
    assert learned(*[0.01] * 50).expect(0.0) == pytest.approx(0.01)
    assert learned(*[0.005, 0.015] * 50).expect(0.0) > 0.0125


def test_a_slow_store_is_known_within_a_few_reads() -> None:
    times = learned(*[0.001] * 50)
    for _ in range(10):
        times.observe(0.1, 0.0)
    assert 0.05 < times.expect(0.0) < 0.15


def test_it_fades_so_that_what_was_left_out_is_tried_again() -> None:
    times = learned(*[0.1] * 20)
    assert times.expect(1.0) == pytest.approx(0.05)
    assert times.expect(10.0) < 0.001
    times.observe(0.001, 10.0)
    assert times.expect(10.0) < 0.002, "what was seen long ago weighs nothing against what is seen now"


def test_a_read_that_was_given_up_is_news_only_when_it_took_longer_than_expected() -> None:
    times = learned(*[0.01] * 20)
    times.exceeded(0.001, 0.0)
    assert times.expect(0.0) == pytest.approx(0.01)
    times.exceeded(0.05, 0.0)
    assert times.expect(0.0) > 0.011


@pytest.mark.parametrize("wrong", [{"half_life": 0.0}, {"newest": 0.0}, {"newest": 1.1}])
def test_limits_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        ReadTime(**wrong)
