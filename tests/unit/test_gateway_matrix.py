"""The matrix: columns by name, never by position; derived ones from the transform."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.matrix import MatrixBuilder, MatrixError
from gateway.testing.plans import small_plan

TRANSFORM = {"module": "models.fraud.transform", "sha256": "0" * 64}
STORED = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])  # card_count, card_limit, store_count
REQUEST = [[5.0, 1.0, 99.0, 7.0, 8.0], [50.0, 0.0, 99.5, 70.0, 80.0]]  # amount, present, time, card_id, store_id


def double(columns: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    return {"twice": columns["amount"] * 2, "sum": columns["card_id"] + columns["store_count"]}


def test_columns_are_picked_by_name_in_the_models_order(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, features=["store_count", "amount", "store_id", "card_count"])
    matrix = MatrixBuilder(plan, None).build(STORED, REQUEST)
    assert matrix.dtype == np.float32
    assert matrix.tolist() == [[3.0, 5.0, 8.0, 1.0], [30.0, 50.0, 80.0, 10.0]]


def test_derived_columns_take_their_places(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, features=["twice", "amount", "sum"], transform=TRANSFORM)
    matrix = MatrixBuilder(plan, double).build(STORED, REQUEST)
    assert matrix.tolist() == [[10.0, 5.0, 10.0], [100.0, 50.0, 100.0]]


def test_a_list_of_one(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, features=["twice", "card_limit"], transform=TRANSFORM)
    assert MatrixBuilder(plan, double).build(STORED[:1], REQUEST[:1]).tolist() == [[10.0, 2.0]]


@pytest.mark.parametrize("transform", [None, double])
def test_an_input_that_nobody_provides_is_refused(tmp_path: Path, transform: None) -> None:
    with pytest.raises(MatrixError, match="moon"):
        MatrixBuilder(small_plan(tmp_path, features=["amount", "moon"], transform=TRANSFORM), transform)


def test_a_transform_that_wants_more_of_its_columns_than_their_values_is_refused(tmp_path: Path) -> None:
    """In training the columns are a dictionary: what only works there would fail every call here."""

    def copying(columns: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        return {"twice": columns.copy()["amount"] * 2}  # type: ignore[attr-defined]  # that is the mistake

    with pytest.raises(MatrixError, match="read by name"):
        MatrixBuilder(small_plan(tmp_path, features=["twice"], transform=TRANSFORM), copying)
