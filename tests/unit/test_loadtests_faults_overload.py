"""What is expected of a step of overload, and what nothing can be told of."""

import math
from dataclasses import replace

from loadtests.faults.expectation import BROKEN, CANNOT_TELL, KEPT
from loadtests.faults.overload import Step, expected_of, table
from loadtests.faults.overload_chart import draw_overload

CAPACITY = 1000.0
STEP = Step(3.0, 3000.0, True, 0.5, 0.4, 950.0, 2050.0, 0.0, 60.0, 1.5, 300.0, 1.0, 0.5, 12.0)


def verdicts(step: Step, refusals: float = math.inf) -> dict[str, str]:
    return {one.words: one.verdict for one in expected_of(step, CAPACITY, refusals)}


def test_a_step_that_keeps_everything() -> None:
    assert set(verdicts(STEP).values()) == {KEPT}


def test_refusals_that_cost_much_are_taken_off_the_capacity() -> None:
    less = replace(STEP, good=750.0)
    assert verdicts(less)["answered in budget at 3×"] == BROKEN
    assert verdicts(less, refusals=10_000.0)["answered in budget at 3×"] == KEPT


def test_each_promise_can_be_broken() -> None:
    assert verdicts(replace(STEP, refusal_p99_ms=6.0))["p99 of refusals at 3×"] == BROKEN
    assert verdicts(replace(STEP, recovered_s=math.inf))["back to normal after at 3×"] == BROKEN
    assert verdicts(replace(STEP, critical_answered=0.99))["critical calls answered at 3×"] == BROKEN
    assert verdicts(replace(STEP, grown_mb=500.0))["memory grown at 3×"] == BROKEN
    assert verdicts(replace(STEP, failed=100.0))["failed or late at 3×"] == BROKEN


def test_critical_calls_beyond_half_the_capacity_are_not_promised() -> None:
    assert "critical calls answered at 3×" not in verdicts(replace(STEP, critical_rate=600.0, critical_answered=0.5))


def test_a_step_that_was_not_offered_tells_nothing_and_is_not_shown() -> None:
    missing = replace(STEP, offered=False)
    assert set(verdicts(missing).values()) == {CANNOT_TELL}
    assert "not offered" in table([missing], CAPACITY)
    assert "950" not in table([missing], CAPACITY)
    assert "3×" in draw_overload("Overload", [replace(STEP, multiple=1.0), missing], CAPACITY, 100.0)
