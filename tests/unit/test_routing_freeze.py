"""Freeze windows: hours of the week in UTC, to the minute; what cannot be meant is said with what would be right."""

from datetime import UTC, datetime
from typing import Any

import pytest

from routing.declared import read_rollout
from routing.freeze import frozen_by, read_window

FRIDAY = read_window({"days": ["fri"], "from": "16:00", "to": "24:00"})


def at(day: int, hour: int, minute: int = 0) -> float:
    """A moment of the week of Monday 2026-11-23, in UTC."""
    return datetime(2026, 11, 22 + day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        (at(5, 15, 59), False),
        (at(5, 16), True),
        (at(5, 23, 59) + 59.999, True),
        (at(6, 0), False),
        (at(4, 17), False),
    ],
)
def test_a_window_holds_from_its_first_minute_up_to_its_last(moment: float, holds: bool) -> None:
    assert FRIDAY.holds(moment) is holds
    said = "frozen from 16:00 to 24:00 UTC, as deployment.yaml says"
    assert frozen_by([FRIDAY], moment) == (said if holds else "")


def test_without_days_and_hours_it_is_all_of_them() -> None:
    assert all(read_window({}).holds(at(day, hour)) for day in range(1, 8) for hour in range(24))
    assert frozen_by([], at(5, 17)) == ""


def test_a_deployment_declares_its_windows() -> None:
    declared = read_rollout({"freeze": [{"days": ["fri"], "from": "16:00", "to": "24:00"}, {"days": ["sat", "sun"]}]})
    assert declared.freeze[0] == FRIDAY
    assert frozen_by(declared.freeze, at(7, 3)) == "frozen from 00:00 to 24:00 UTC, as deployment.yaml says"


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        ({"days": ["friday"]}, "days are friday; they are some of mon, tue"),
        ({"days": []}, "days are none"),
        ({"day": "fri"}, "'day' is unknown"),
        ({"from": 960}, "write it in quotes"),
        ({"from": "16"}, "no time of day"),
        ({"from": "16:60"}, "no time of day"),
        ({"from": "22:00", "to": "06:00"}, "across midnight it takes two entries"),
        ({"to": "24:01"}, "no time of one day"),
    ],
)
def test_windows_that_cannot_be(entry: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        read_window(entry)
