"""Parameters of an inference request: priority, timeout, unit and partial; what others mean by theirs is theirs."""

from math import inf
from typing import Any

import pytest

from gateway.call import Priority
from gateway.errors import InvalidRequest
from gateway.fronts.caller import Caller
from gateway.fronts.open_inference.parameters import Wishes, take


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (0, Priority.DEFAULT),
        (1, Priority.CRITICAL),
        (2, Priority.DEFAULT),
        (3, Priority.SHEDDABLE),
        (2**63, Priority.SHEDDABLE),
        ("critical", Priority.CRITICAL),
        ("sheddable", Priority.SHEDDABLE),
    ],
)
def test_priorities(said: int | str, meant: Priority) -> None:
    caller = Caller(100.0)
    take({"priority": said}, caller)
    assert caller.priority is meant


def test_a_header_s_priority_holds_unless_a_parameter_says_another() -> None:
    caller = Caller(100.0, priority=Priority.SHEDDABLE)
    take({"other": 1}, caller)
    assert caller.priority is Priority.SHEDDABLE
    take({"priority": 1}, caller)
    assert caller.priority is Priority.CRITICAL


@pytest.mark.parametrize(
    ("before", "timeout", "deadline"),
    [(inf, 0, inf), (inf, 50_000, 100.045), (100.01, 50_000, 100.01), (200.0, 1_000_000, 100.995)],
)
def test_the_sooner_deadline_holds(before: float, timeout: int, deadline: float) -> None:
    caller = Caller(100.0, deadline=before)
    take({"timeout": timeout}, caller)
    assert caller.deadline == pytest.approx(deadline)


def test_the_rest_is_for_the_rows() -> None:
    caller = Caller(100.0)
    assert take({}, caller) == Wishes("", False)
    assert take({"unit": 7, "partial": True, "binary_data_output": True}, caller) == Wishes("7", True)
    assert take({"unit": "s-1"}, caller) == Wishes("s-1", False)


@pytest.mark.parametrize(
    "said",
    [
        {"priority": -1},
        {"priority": True},
        {"priority": "high"},
        {"priority": 1.0},
        {"timeout": -1},
        {"timeout": True},
        {"timeout": "5"},
        {"timeout": 10**17},
        {"unit": 1.5},
        {"unit": True},
        {"partial": 1},
    ],
)
def test_what_cannot_be_meant_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=f"parameter {next(iter(said))} must"):
        take(said, Caller(100.0))
