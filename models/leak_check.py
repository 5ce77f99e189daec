"""Owns the proof that a frame knows nothing it could not have known: features recomputed row by row, by brute force.

For each sampled example the deployment's events are filtered afresh, without windows precomputed, without Feast and
without an index: what was visible at the example's instant, within the window that ends at the last of it. A frame that
holds anything else, its own row or the future included, differs.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.deployment import Deployment
from models.errors import LeakError
from models.history import EVENT_TIMESTAMP, MICROSECOND, VISIBLE_AT, Aggregate, History, microseconds
from models.recipe import EXAMPLE

RELATIVE = 1e-12


def check_no_leak(
    frame: pd.DataFrame, events: pd.DataFrame, histories: Sequence[History], deployment: Deployment, rows: int = 200
) -> int:
    """Compare a sample of the frame with brute force; the number of values compared, or `LeakError`."""
    sample = frame.sample(min(rows, len(frame)), random_state=0).reset_index(drop=True)
    for history in histories:
        expected = recompute(sample, history, events, deployment)
        for column, feature in enumerate(history.features):
            found = sample[feature].to_numpy(np.float64)
            wrong = ~np.isclose(found, expected[:, column], rtol=RELATIVE, atol=0.0, equal_nan=True)
            if wrong.any():
                row = int(np.flatnonzero(wrong)[0])
                raise LeakError(
                    f"{deployment.name}: {feature} of example {sample[EXAMPLE][row]} at {sample[EVENT_TIMESTAMP][row]} "
                    f"is {found[row]}, visible was {expected[row, column]} ({wrong.sum()} of {len(sample)} differ)"
                )
    return len(sample) * sum(len(history.features) for history in histories)


def recompute(
    sample: pd.DataFrame, history: History, events: pd.DataFrame, deployment: Deployment
) -> NDArray[np.float64]:
    """Per sampled row the history's features, from nothing but the events."""
    seen = history.events(events)
    visible_at = microseconds(seen[VISIBLE_AT])
    keys = [(sample[key].to_numpy(), seen[key].to_numpy()) for key in history.keys]
    columns = {
        aggregate.column: seen[aggregate.column].to_numpy(np.float64)
        for aggregate in history.aggregates
        if aggregate.column
    }
    now = microseconds(sample[EVENT_TIMESTAMP])
    absent = np.array([deployment.defaults.get(name, np.nan) for name in history.features])
    result = np.empty((len(sample), len(history.features)))
    for row in range(len(sample)):
        visible = visible_at <= now[row]
        for wanted, have in keys:
            visible &= have == wanted[row]
        at = np.flatnonzero(visible)
        at = at[np.argsort(visible_at[at], kind="stable")]
        known = {name: column[at] for name, column in columns.items()}
        result[row] = _features(history, visible_at[at], known, int(now[row]), absent)
    return result


def _features(
    history: History,
    visible_at: NDArray[np.int64],
    columns: dict[str, NDArray[np.float64]],
    now: int,
    absent: NDArray[np.float64],
) -> NDArray[np.float64]:
    forgotten = history.ttl and len(visible_at) and now - int(visible_at[-1]) > history.ttl // MICROSECOND
    if len(visible_at) == 0 or forgotten:
        return absent
    return np.array([_value(aggregate, visible_at, columns) for aggregate in history.aggregates])


def _value(aggregate: Aggregate, visible_at: NDArray[np.int64], columns: dict[str, NDArray[np.float64]]) -> float:
    inside = np.ones(len(visible_at), dtype=bool)
    if aggregate.window is not None:
        inside = visible_at > visible_at[-1] - aggregate.window // MICROSECOND
    if aggregate.kind == "count":
        return float(inside.sum())
    values = columns[aggregate.column][inside]
    if aggregate.kind == "last":
        return float(values[-1]) / aggregate.unit
    whole = {"sum": values.sum(), "mean": values.mean(), "max": values.max()}[aggregate.kind]
    return float(whole) / aggregate.unit
