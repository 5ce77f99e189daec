"""The budget of rescues: something is saved up, rows earn for others, and it runs out."""

import pytest

from gateway.rescue import RescueBudget, RescueLimits


def test_what_is_saved_up_runs_out() -> None:
    budget = RescueBudget(RescueLimits(earned=0.0, most=3))
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]


def test_rows_earn_and_no_more_is_kept_than_may_be() -> None:
    budget = RescueBudget(RescueLimits(earned=0.5, most=2))
    budget.earn(1_000)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    budget.earn(1)
    assert not budget.spend()
    budget.earn(1)
    assert budget.spend()


@pytest.mark.parametrize("wrong", [{"earned": -0.1}, {"earned": 1.1}, {"most": 0}])
def test_limits_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="rescue limits"):
        RescueLimits(**wrong)
