"""Cover of the day: which hours count, what is missing, and how long it takes at best."""

import pytest

from routing.cover import Cover
from routing.proof import ProofWanted

HOUR = 3600.0


def seen(cover: Cover, *hours: float, units: int = 2) -> Cover:
    for hour in hours:
        for number in range(2 * units):
            cover.call(number % 2 == 0, hour * HOUR + number)
    return cover


def test_hours_of_the_day_count_once_however_many_days_go_by() -> None:
    cover = seen(Cover(3, 2), 8, 9, 8 + 24, 9 + 48)
    assert cover.covered == 2
    assert cover.missing(10.5 * HOUR) == "2 of 3 hours of the day are covered; of this hour 0 of 2 units of each arm"
    assert cover.missing(33.0 * HOUR) == "2 of 3 hours of the day are covered"
    assert seen(cover, 10 + 72).missing(83.0 * HOUR) == ""


def test_an_hour_in_which_one_arm_was_hardly_seen_does_not_count() -> None:
    cover = Cover(1, 2)
    for _ in range(100):
        cover.call(False, 0.0)
    cover.call(True, 0.0)
    assert cover.missing(1.0) == "0 of 1 hours of the day are covered; of this hour 1 of 2 units of each arm"


def test_who_asks_for_none_gets_none() -> None:
    assert Cover(0, 20).missing(0.0) == ""
    assert Cover(0, 20).seconds_left(0.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("hours", "now", "units", "left"),
    [
        (1, 10.5 * HOUR, 0.1, 20.0),
        (2, 10.5 * HOUR, 0.1, 0.5 * HOUR + 20.0),
        (22, 10.5 * HOUR, 0.1, 20.5 * HOUR + 20.0),
        (1, 10.5 * HOUR, 0.0, None),
        (1, 10.5 * HOUR, 0.0001, None),
    ],
)
def test_it_takes_as_long_as_the_next_hours_that_are_missing(
    hours: int, now: float, units: float, left: float | None
) -> None:
    """The hours 8 and 9 are covered, and so many more are asked for."""
    cover = seen(Cover(hours + 2, 2), 8, 9)
    assert cover.seconds_left(now, units) == (pytest.approx(left) if left is not None else None)


@pytest.mark.parametrize(("wrong", "match"), [({"cover_h": 25}, "24 hours"), ({"cover_units": 0}, "covers nothing")])
def test_covers_that_cannot_be(wrong: dict[str, int], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        ProofWanted(**wrong)
