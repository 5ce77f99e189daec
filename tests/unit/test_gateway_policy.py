"""Policies: the output contract, thresholds and prices."""

import math
from typing import Any

import pytest

from gateway.policy import Policy, PolicyError, Price, Thresholds, read_policy

FRAUD: dict[str, Any] = {
    "version": "1",
    "contract": {"min": 0.0, "max": 1.0},
    "decide": {
        "kind": "thresholds",
        "steps": [{"below": 0.3, "decision": "approve"}, {"below": 0.7, "decision": "review"}],
        "otherwise": "decline",
    },
}


@pytest.mark.parametrize(
    ("score", "decision"),
    [(0.0, "approve"), (0.2999, "approve"), (0.3, "review"), (0.69, "review"), (0.7, "decline"), (1.0, "decline")],
)
def test_a_score_equal_to_a_bound_belongs_above_it(score: float, decision: str) -> None:
    assert read_policy(FRAUD).rule.apply(score) == (decision, {"score": score})


@pytest.mark.parametrize(("score", "price"), [(1.0, 2.5), (12.3456, 12.35), (900.0, 250.0)])
def test_a_price_is_held_between_floor_and_cap_in_whole_cents(score: float, price: float) -> None:
    assert Price(2.5, 250.0, ("quote",)).apply(score) == ("quote", {"score": score, "price": price})


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, -0.001, 1.001])
def test_contract_breaches(score: float) -> None:
    assert not read_policy(FRAUD).keeps_contract(score)


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_contract_kept(score: float) -> None:
    assert read_policy(FRAUD).keeps_contract(score)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contract": {"min": 1.0, "max": 0.0}}, "must lie below"),
        ({"contract": {"min": 0.0}}, "policy: contract: max is missing"),
        ({"decide": {"kind": "dice"}}, "policy: decide: kind is 'dice'"),
        ({"decide": {"kind": "price", "floor": 5, "cap": 2, "decision": "quote"}}, "floor"),
        ({"decide": {"kind": "thresholds", "steps": [{"below": 0.3}], "otherwise": "x"}}, "decision is missing"),
        ({"decide": None}, "policy: decide: kind is None"),
        ({"contract": {"min": "0.0", "max": 1.0}}, "min is '0.0'; it is a number"),
        ({"contract": {"min": False, "max": 1.0}}, "min is false; it is a number"),
        ({"contract": {"min": 0.0, "max": math.nan}}, "max is nan"),
        ({"contract": {"min": 0.0, "max": 1.0, "mean": 0.5}}, "'mean' is unknown"),
        ({"version": None}, "version is missing"),
        ({"version": ["1"]}, "version is a list"),
        ({"decide": {**FRAUD["decide"], "otherwise": False}}, "otherwise is false; it is a text"),
        ({"decide": {**FRAUD["decide"], "steps": {"below": 0.3}}}, "steps is a mapping; it is a list"),
        ({"decide": {**FRAUD["decide"], "else": "decline"}}, "'else' is unknown"),
        ({"money": {"of": "amount", "decisions": {"approve": {"share": "2 %"}}}}, "money: approve: share is '2 %'"),
    ],
)
def test_policies_that_cannot_be(change: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        read_policy({**FRAUD, **change})


def test_thresholds_must_rise() -> None:
    with pytest.raises(PolicyError, match="rise"):
        Thresholds((0.7, 0.3), ("a", "b", "c"))
    with pytest.raises(PolicyError, match="one decision more"):
        Thresholds((0.3,), ("a",))


def test_contract_needs_a_range() -> None:
    with pytest.raises(PolicyError, match="must lie below"):
        Policy("1", 1.0, 1.0, Thresholds((0.5,), ("a", "b")))
