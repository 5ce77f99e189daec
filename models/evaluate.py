"""Owns how good a booster is: its figures on held-out rows and their slices, and the range they are expected in."""

from collections.abc import Mapping

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from models.deployment import Training
from models.errors import UnexpectedMetric
from models.matrix import Matrix, model_matrix
from models.recipe import LABEL, Recipe, Split
from models.train import fit, predict

Metrics = dict[str, dict[str, float]]
Vector = NDArray[np.float64]


def judge(booster: lightgbm.Booster, frame: pd.DataFrame, recipe: Recipe, training: Training, split: Split) -> Metrics:
    """Figures on the split's test rows, and on every slice of them."""
    test = frame[split.test(frame)]
    score = predict(booster, test_matrix(frame, recipe, training, split))
    label = test[LABEL].to_numpy(np.float64)
    result = {split.name: figures(training.objective, label, score)}
    for name, rows in recipe.slices.items():
        chosen = rows(test)
        if chosen.any():
            result[f"{split.name}_{name}"] = figures(training.objective, label[chosen], score[chosen])
    return result


def backtests(frame: pd.DataFrame, recipe: Recipe, training: Training, version: str) -> Metrics:
    """Figures of boosters that are fitted only to be judged: the recipe's other splits."""
    result: Metrics = {}
    for split in recipe.splits[1:]:
        booster = fit(frame, split.train(frame), recipe, training, version)
        result |= judge(booster, frame, recipe, training, split)
    return result


def test_matrix(frame: pd.DataFrame, recipe: Recipe, training: Training, split: Split) -> Matrix:
    """The held-out rows as the model sees them."""
    return model_matrix(frame[split.test(frame)], recipe.transform, training.features)


def figures(objective: str, label: Vector, score: Vector) -> dict[str, float]:
    """The figures that fit the objective, rounded to six places so that the manifest is readable."""
    raw = _ranking(label, score) if objective == "binary" else _price(label, score)
    return {"rows": len(label)} | {name: round(value, 6) for name, value in raw.items()}


def _ranking(label: Vector, score: Vector) -> dict[str, float]:
    return {
        "auc": float(roc_auc_score(label, score)),
        "average_precision": float(average_precision_score(label, score)),
        "base_rate": float(label.mean()),
        "log_loss": float(-np.mean(np.log(np.clip(np.where(label > 0, score, 1.0 - score), 1e-12, 1.0)))),
    }


def _price(label: Vector, score: Vector) -> dict[str, float]:
    error = score - label
    return {
        "mae": float(np.abs(error).mean()),
        "r2": float(1.0 - np.square(error).sum() / np.square(label - label.mean()).sum()),
        "bias": float(error.mean()),
    }


def check_expected(metrics: Metrics, expect: Mapping[str, Mapping[str, tuple[float, float]]]) -> None:
    """Raise `UnexpectedMetric` unless every figure named lies between its bounds."""
    for rows, bounds in expect.items():
        for metric, (low, high) in bounds.items():
            value = metrics.get(rows, {}).get(metric)
            if value is None or not low <= value <= high:
                raise UnexpectedMetric(f"{metric} of {rows} is {value}, expected {low} to {high}")
