"""The fit: the same bytes again, and thresholds that float32 can hold without moving a row."""

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.deployment import Training
from models.train import fit_matrix, float32_floor, predict, with_float32_thresholds

TRAINING = Training(
    data=(),
    objective="binary",
    rounds=20,
    parameters={"num_leaves": 7, "min_data_in_leaf": 5},
    versions={"1": {"seed": 7}, "2": {"seed": 8, "feature_fraction": 0.5}},
    features=("a", "b", "c"),
    tolerance=1e-5,
    expect={},
)
RANDOM = np.random.default_rng(0)
MATRIX = RANDOM.normal(scale=1000.0, size=(600, 3)).astype(np.float32)
LABEL = (MATRIX[:, 0] + MATRIX[:, 1] > 100.0).astype(np.float64)


@settings(deadline=None)
@given(threshold=st.floats(-(2.0**100), 2.0**100), value=st.floats(-(2.0**100), 2.0**100, width=32))
def test_rounding_a_threshold_down_moves_no_float32(threshold: float, value: float) -> None:
    rounded = float32_floor(np.array([threshold]))[0]
    assert (value <= threshold) == (np.float32(value) <= rounded)


def test_rounding_to_nearest_would_have_moved_one() -> None:
    value = np.float32(1.1)
    threshold = np.nextafter(np.float64(value), -np.inf)  # just below the value: the row goes right
    assert not value.astype(np.float64) <= threshold
    assert value <= np.float32(threshold)  # to nearest: the row goes left
    assert not value <= float32_floor(np.array([threshold]))[0]


def test_a_booster_answers_the_same_before_and_after_rounding() -> None:
    exact = lightgbm.train({"objective": "binary", "verbosity": -1}, lightgbm.Dataset(MATRIX, LABEL), 10)
    rounded = with_float32_thresholds(exact)
    assert rounded.model_to_string() != exact.model_to_string()
    np.testing.assert_array_equal(predict(rounded, MATRIX), predict(exact, MATRIX))


def test_every_threshold_left_is_a_float32() -> None:
    nodes = fit_matrix(MATRIX, LABEL, TRAINING, "1").trees_to_dataframe()["threshold"].dropna()
    assert len(nodes) > 20
    assert all(float(np.float32(value)) == value for value in nodes)


def test_the_same_rows_give_the_same_booster() -> None:
    first, again = (fit_matrix(MATRIX, LABEL, TRAINING, "1").model_to_string() for _ in range(2))
    assert first == again


def test_versions_differ() -> None:
    first, second = (predict(fit_matrix(MATRIX, LABEL, TRAINING, version), MATRIX) for version in "12")
    assert np.abs(first - second).max() > 1e-3


def test_a_version_nobody_declared_is_no_version() -> None:
    with pytest.raises(KeyError):
        fit_matrix(MATRIX, LABEL, TRAINING, "3")
