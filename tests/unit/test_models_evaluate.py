"""Figures, and the bounds that a build insists on."""

import numpy as np
import pytest

from models.errors import UnexpectedMetric
from models.evaluate import check_expected, figures

EXPECT = {"holdout": {"auc": (0.88, 0.94)}}


def test_ranking_figures_of_a_perfect_and_a_blind_score() -> None:
    label = np.array([0.0, 0.0, 1.0, 1.0])
    perfect = figures("binary", label, np.array([0.1, 0.2, 0.8, 0.9]))
    assert (perfect["auc"], perfect["average_precision"], perfect["base_rate"]) == (1.0, 1.0, 0.5)
    assert figures("binary", label, np.full(4, 0.5))["auc"] == 0.5


def test_price_figures() -> None:
    result = figures("regression", np.array([10.0, 20.0]), np.array([11.0, 23.0]))
    assert result == {"rows": 2, "mae": 2.0, "r2": 0.8, "bias": 2.0}


@pytest.mark.parametrize("auc", [0.88, 0.91, 0.94])
def test_an_expected_figure_passes(auc: float) -> None:
    check_expected({"holdout": {"auc": auc}}, EXPECT)


@pytest.mark.parametrize("auc", [0.56, 0.8799, 0.99, float("nan")])
def test_too_low_and_too_high_both_stop_the_build(auc: float) -> None:
    with pytest.raises(UnexpectedMetric, match=r"auc of holdout is .*expected 0.88 to 0.94"):
        check_expected({"holdout": {"auc": auc}}, EXPECT)


def test_a_figure_that_was_never_taken_stops_it_too() -> None:
    with pytest.raises(UnexpectedMetric, match="None"):
        check_expected({}, EXPECT)
