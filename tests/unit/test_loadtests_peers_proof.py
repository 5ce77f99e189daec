"""An answer counts only with the very score that the model gives for the row that was asked."""

import math

import pytest

from loadtests.peers.proof import TOLERANCE, Proof

PROOF = Proof([0.25, 0.5])


def test_the_rows_own_score_is_good_within_the_tolerance() -> None:
    assert PROOF.judge("1", 0.5).fault == ""
    assert PROOF.judge("1", 0.5 + 0.9 * TOLERANCE).fault == ""


def test_another_rows_score_is_a_fault() -> None:
    assert PROOF.judge("1", 0.25).fault == "not the model's score"
    assert PROOF.judge("0", 0.25 + 2 * TOLERANCE).fault == "not the model's score"


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.1, 1.1])
def test_a_score_outside_its_contract_is_a_fault(score: float) -> None:
    assert PROOF.judge("0", score).fault == "score outside its contract"
