"""Halts: whom they hold, until when, and how people are told of them."""

import pytest

from routing.control.halts import Halt, in_force, valid

FREEZE = Halt("fraud", "freeze", "ada", "holiday", 10.0, until=1_795_348_800.0)
STOP = Halt("", "stop", "night", "incident 7", 11.0)


@pytest.mark.parametrize(
    ("deployment", "now", "found"),
    [("fraud", 20.0, FREEZE), ("quotes", 20.0, None), ("fraud", 1_795_348_800.0, None)],
)
def test_a_freeze_holds_its_deployment_until_it_ends(deployment: str, now: float, found: Halt | None) -> None:
    assert in_force([FREEZE], deployment, now) == found
    assert valid([FREEZE, STOP], now)[-1] == STOP


def test_what_takes_out_comes_before_what_only_holds() -> None:
    assert in_force([FREEZE, STOP], "fraud", 20.0) == in_force([STOP, FREEZE], "fraud", 20.0) == STOP
    assert (FREEZE.takes_out, STOP.takes_out, Halt("fraud", "kill", "ada", "", 0.0).takes_out) == (False, True, True)


def test_people_are_told_who_and_why_and_until_when() -> None:
    assert str(FREEZE) == "frozen: holiday (ada, until 2026-11-22 12:00 UTC)"
    assert str(STOP) == "everything was stopped: incident 7 (night)"
    assert str(Halt("fraud", "kill", "night", "", 0.0)) == "killed: no reason given (night)"


@pytest.mark.parametrize("until", [1.79e12, 1e300])
def test_one_that_ends_after_every_calendar_is_said_all_the_same(until: float) -> None:
    assert str(Halt("fraud", "freeze", "ada", "", 0.0, until)) == (
        f"frozen: no reason given (ada, until {until:g} s after 1970)"
    )
