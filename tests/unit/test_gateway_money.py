"""What decisions are worth: read from the policy, linear in one figure, and refused where it makes no sense."""

from typing import Any

import pytest

from gateway.money import read_money
from gateway.policy import PolicyError, read_policy

DECISIONS = ("approve", "review", "decline")


def test_a_decision_is_worth_a_sum_and_a_share_of_the_figure() -> None:
    money = read_money(
        {"of": "amount", "decisions": {"approve": {"share": 0.02}, "review": {"share": 0.01, "each": -5}}}, DECISIONS
    )
    worths = [money.worth(decision, {"amount": 1_000.0}) for decision in DECISIONS]
    assert worths == [20.0, 5.0, 0.0]
    assert money.worth("review", {}) == -5.0


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"of": "amount", "decisions": {"accept": {"share": 0.02}}}, "never decides 'accept'; it decides approve"),
        ({"of": "amount", "decisions": {"approve": {"percent": 2}}}, "'percent' is unknown; known are each, share"),
        ({"of": "amount", "currency": "USD", "decisions": {}}, "'currency' is unknown"),
        ({"of": "amount", "decisions": {"approve": {"share": float("inf")}}}, "share is inf; it is a number"),
        ({"of": "amount"}, "money: decisions is missing"),
    ],
)
def test_what_makes_no_sense_is_refused(document: dict[str, Any], complaint: str) -> None:
    steps = [{"below": 0.3, "decision": "approve"}, {"below": 0.7, "decision": "review"}]
    decide = {"kind": "thresholds", "steps": steps, "otherwise": "decline"}
    policy = {"version": "1", "contract": {"min": 0.0, "max": 1.0}, "decide": decide, "money": document}
    with pytest.raises(PolicyError, match=complaint):
        read_policy(policy)
