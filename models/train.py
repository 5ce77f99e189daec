"""Owns the fit: LightGBM on float32 columns, the same bytes from the same rows, thresholds that float32 can hold."""

import re
from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.deployment import Training
from models.matrix import Matrix, model_matrix
from models.recipe import LABEL, Mask, Recipe

# One order of summation, whatever the number of cores. One thread: on a busy machine of two cores, two threads that
# wait for each other took twenty times as long as one.
STEADY: Mapping[str, Any] = {"deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1}


def fit(frame: pd.DataFrame, rows: Mask, recipe: Recipe, training: Training, version: str) -> lightgbm.Booster:
    """A booster learned from the chosen rows of the frame."""
    chosen = frame[rows]
    matrix = model_matrix(chosen, recipe.transform, training.features)
    return fit_matrix(matrix, chosen[LABEL].to_numpy(np.float64), training, version)


def fit_matrix(matrix: Matrix, label: NDArray[np.float64], training: Training, version: str) -> lightgbm.Booster:
    """A booster learned from a matrix whose columns are the training's features."""
    data = lightgbm.Dataset(matrix, label, feature_name=list(training.features), params=dict(STEADY))
    booster = lightgbm.train(parameters(training, version), data, num_boost_round=training.rounds)
    return with_float32_thresholds(booster)


def parameters(training: Training, version: str) -> dict[str, Any]:
    """Everything LightGBM is told for one version."""
    return {**STEADY, "objective": training.objective, **training.parameters, **training.versions[version]}


def with_float32_thresholds(booster: lightgbm.Booster) -> lightgbm.Booster:
    """The same booster with every threshold rounded down to a float32.

    ONNX keeps thresholds as float32. Rounded to nearest, one that falls just above a value sends rows with that value
    the other way. Rounded down nothing moves: for a float32 x, x <= t exactly when x <= the largest float32 up to t.
    """
    text = re.sub(r"(?m)^tree_sizes=.*\n", "", booster.model_to_string())  # byte counts, no longer true; optional
    return lightgbm.Booster(model_str=re.sub(r"(?m)^threshold=(.*)$", _round_line, text))


def _round_line(match: re.Match[str]) -> str:
    exact = np.array(match.group(1).split(), dtype=np.float64)
    return "threshold=" + " ".join(repr(float(value)) for value in float32_floor(exact))


def float32_floor(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above each value."""
    nearest = values.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > values, below, nearest)


def predict(booster: lightgbm.Booster, matrix: Matrix) -> NDArray[np.float64]:
    """LightGBM's own answer."""
    return np.asarray(booster.predict(matrix, num_threads=1), dtype=np.float64)
