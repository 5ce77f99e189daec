"""Owns the model's input matrix: the same columns, in the same way, as the gateway makes them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.history import EVENT_TIMESTAMP, microseconds
from models.recipe import Transform

Matrix = NDArray[np.float32]


def model_matrix(frame: pd.DataFrame, transform: Transform, features: Sequence[str]) -> Matrix:
    """float32 rows in the order of `features`, picked from the frame's columns and the transform's."""
    columns = frame_columns(frame)
    derived = transform(columns)
    matrix = np.column_stack([derived[name] if name in derived else columns[name] for name in features])
    result = matrix.astype(np.float32)
    if not np.isfinite(result).all():
        broken = [name for name, column in zip(features, result.T, strict=True) if not np.isfinite(column).all()]
        raise ValueError(f"not a number, or too large for float32, in {', '.join(broken)}")
    return result


def frame_columns(frame: pd.DataFrame) -> Mapping[str, NDArray[np.float64]]:
    """The frame's numbers as the transform sees them, with `time` in unix seconds."""
    numbers = frame.select_dtypes(include=["number", "bool"])
    columns = {str(name): numbers[name].to_numpy(np.float64) for name in numbers.columns}
    columns["time"] = microseconds(frame[EVENT_TIMESTAMP]) / 1e6
    return columns
