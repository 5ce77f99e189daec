"""Owns how credit is learned: which clients and months to learn from, which to be judged on."""

import numpy as np
import pandas as pd

from models.credit.events import DEFAULTS, RUNS_LATE, TARGET, examples, read_events
from models.credit.features import HISTORIES
from models.credit.transform import transform
from models.history import EVENT_TIMESTAMP
from models.recipe import LABEL_VISIBLE_AT, Mask, Recipe, Split

AUGUST = pd.Timestamp("2005-08-31", tz="UTC")
HELD_OUT = 3  # of ten clients


def _held_out(frame: pd.DataFrame) -> Mask:
    """Three clients in ten, by a hash of the number: always the same ones, whatever else is in the frame."""
    mixed = frame["client_id"].to_numpy(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((mixed >> np.uint64(32)) % np.uint64(10) < HELD_OUT)


def _is(frame: pd.DataFrame, target: float) -> Mask:
    return (frame[TARGET] == target).to_numpy(bool)


def _most_clients(frame: pd.DataFrame) -> Mask:
    return _is(frame, DEFAULTS) & ~_held_out(frame)


def _other_clients(frame: pd.DataFrame) -> Mask:
    """No time split of defaults exists: they are known for one month."""
    return _is(frame, DEFAULTS) & _held_out(frame)


def _late_by_august(frame: pd.DataFrame) -> Mask:
    """Whether the next statement was late, for the months of which that was known at the end of August."""
    return _is(frame, RUNS_LATE) & (frame[LABEL_VISIBLE_AT] <= AUGUST).to_numpy(bool)


def _late_in_september(frame: pd.DataFrame) -> Mask:
    return _is(frame, RUNS_LATE) & (frame[EVENT_TIMESTAMP] >= AUGUST).to_numpy(bool)


RECIPE = Recipe(
    name="credit",
    read_events=read_events,
    histories=HISTORIES,
    examples=examples,
    transform=transform,
    splits=(
        Split("holdout", _most_clients, _other_clients),
        Split("backtest_late", _late_by_august, _late_in_september),
    ),
)
