"""Pins: test entities and cohorts meet the arm that was chosen for them, and are evidence of nothing."""

import pytest

from routing.pins import Pins, read_pins
from routing.table import CANARY, CHAMPION, NOT_DRAWN, Canary, Table

ARMS = (CHAMPION, CANARY)
PINS = read_pins({"canary": ["card-1", "probe-*", 77], "champion": ["probe-old-*"]}, ARMS)


@pytest.mark.parametrize(
    ("unit", "arm"),
    [
        ("card-1", CANARY),
        ("card-12", ""),
        ("probe-", CANARY),
        ("probe-9", CANARY),
        ("probe-old-9", CHAMPION),
        ("77", CANARY),
        ("a-probe-9", ""),
    ],
)
def test_a_unit_or_the_longest_beginning_counts(unit: str, arm: str) -> None:
    assert PINS.arm_of(unit) == arm


def test_nobody_is_pinned_unless_somebody_is() -> None:
    assert not Pins()
    assert PINS


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"shadow": ["x"]}, "no arm that units can be pinned to"),
        ({"canary": ["*"]}, "would be everybody"),
        ({"canary": [""]}, "would be everybody"),
        ({"canary": ["x"], "champion": ["x"]}, "pinned to two arms"),
        ({"canary": ["x*"], "champion": ["x*"]}, "pinned to two arms"),
    ],
)
def test_what_cannot_be_meant_is_refused(document: dict[str, list[object]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_pins(document, ARMS)


def test_a_table_heeds_its_pins_and_draws_the_rest() -> None:
    table = Table("fraud", 1, "1", b"s", Canary("2", 0), pins=PINS)
    assert table.place("card-1") == (CANARY, NOT_DRAWN)
    assert table.arm_of("card-1") == CANARY
    assert table.place("probe-old-9") == (CHAMPION, NOT_DRAWN)
    arm, number = table.place("card-2")
    assert (arm, number >= 0) == (CHAMPION, True)


def test_without_a_canary_everybody_meets_the_champion() -> None:
    table = Table("fraud", 1, "1", b"s", pins=PINS)
    assert table.arm_of("card-1") == CHAMPION
    assert table.place("card-1") == (CHAMPION, NOT_DRAWN)
