"""The pace of lists: a line through what was seen of late."""

import pytest

from gateway.pace import Pace


def seen(*lists: tuple[int, float]) -> Pace:
    pace = Pace()
    for rows, seconds in lists:
        pace.observe(rows, seconds)
    return pace


def test_nothing_is_expected_before_anything_was_seen() -> None:
    assert Pace().expect(64) == 0.0


def test_a_fixed_part_and_a_part_a_row_are_told_apart() -> None:
    pace = seen(*[(rows, 0.001 + 0.0001 * rows) for rows in (1, 8, 64, 2, 32, 16) * 5])
    assert pace.parts() == pytest.approx((0.001, 0.0001))
    assert pace.expect(40) == pytest.approx(0.005)


def test_lists_of_one_length_say_nothing_of_others() -> None:
    pace = seen(*[(8, 0.002)] * 20)
    assert pace.expect(1) == pytest.approx(0.002)
    assert pace.expect(64) == pytest.approx(0.002)


def test_a_line_never_falls() -> None:
    pace = seen((1, 0.010), (64, 0.001), (1, 0.010), (64, 0.001))
    assert pace.parts()[1] == 0.0
    assert min(pace.expect(rows) for rows in range(65)) >= 0.0


def test_a_line_never_begins_below_nothing() -> None:
    pace = seen((8, 0.0001), (64, 0.010), (8, 0.0001), (64, 0.010))
    assert pace.expect(0) >= 0.0


def test_what_was_long_ago_is_forgotten() -> None:
    pace = seen(*[(1, 1.0)] * 10, *[(1, 0.001)] * 100)
    assert pace.expect(1) == pytest.approx(0.001, rel=0.1)


def test_doubt_halves() -> None:
    pace = seen((1, 0.004), (4, 0.010), (1, 0.004), (4, 0.010))
    before = pace.expect(2)
    pace.doubt()
    assert pace.expect(2) == pytest.approx(before / 2)


@pytest.mark.parametrize("weight", [0.0, 1.0, -1.0])
def test_weights_that_cannot_be(weight: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Pace(weight)
