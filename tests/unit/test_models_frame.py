"""Frames and matrices: digests that hold still, columns by name, nothing that is not a number."""

import numpy as np
import pandas as pd
import pytest

from models.dataset import frame_digest
from models.matrix import frame_columns, model_matrix
from models.recipe import Columns

FRAME = pd.DataFrame(
    {
        "event_timestamp": pd.to_datetime(["2020-01-01", "2020-01-02"], utc=True).astype("datetime64[us, UTC]"),
        "card_id": [7, 8],
        "amount": [1.5, 2.5],
        "spent": [10.0, 20.0],
    }
)


def doubled(columns: Columns) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    return {"twice": columns["amount"] * 2.0}


def test_the_digest_depends_on_values_and_rows_and_not_on_the_order_of_columns() -> None:
    same = frame_digest(FRAME)
    assert frame_digest(FRAME[list(reversed(FRAME.columns))]) == same
    assert same == "3b4886174143b7b45e68152f10d543c5c6897c2d671a93caaac8198f600979eb"
    assert frame_digest(FRAME.iloc[::-1]) != same
    assert frame_digest(FRAME.assign(amount=[1.5, 2.500001])) != same
    assert frame_digest(FRAME.rename(columns={"amount": "sum"})) != same


def test_columns_stand_in_the_order_that_is_asked_for_as_float32() -> None:
    matrix = model_matrix(FRAME, doubled, ["spent", "twice", "card_id"])
    assert matrix.dtype == np.float32
    assert matrix.tolist() == [[10.0, 3.0, 7.0], [20.0, 5.0, 8.0]]


def test_time_is_unix_seconds() -> None:
    assert frame_columns(FRAME)["time"].tolist() == [1577836800.0, 1577923200.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_what_float32_cannot_hold_is_refused_by_name(value: float) -> None:
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="float32, in spent"):
        model_matrix(FRAME.assign(spent=value), doubled, ["amount", "spent"])
