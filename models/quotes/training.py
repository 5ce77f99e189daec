"""Owns how quotes are learned: which years to learn from, which months to be judged on."""

import pandas as pd

from models.history import EVENT_TIMESTAMP
from models.quotes.events import examples, read_events
from models.quotes.features import HISTORIES
from models.quotes.transform import transform
from models.recipe import LABEL_VISIBLE_AT, Mask, Recipe, Split


def _utc(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


def _between(frame: pd.DataFrame, first: str, end: str) -> Mask:
    return ((frame[EVENT_TIMESTAMP] >= _utc(first)) & (frame[EVENT_TIMESTAMP] < _utc(end))).to_numpy(bool)


def _ended_before(frame: pd.DataFrame, day: str) -> Mask:
    return (frame[LABEL_VISIBLE_AT] <= _utc(day)).to_numpy(bool)


def _two_years(frame: pd.DataFrame) -> Mask:
    return _ended_before(frame, "2020-01-01")


def _half_of_2020(frame: pd.DataFrame) -> Mask:
    return _between(frame, "2020-01-01", "2020-07-01")


def _one_year(frame: pd.DataFrame) -> Mask:
    return _ended_before(frame, "2019-01-01")


def _half_of_2019(frame: pd.DataFrame) -> Mask:
    return _between(frame, "2019-01-01", "2019-07-01")


def _before_pandemic(frame: pd.DataFrame) -> Mask:
    return _between(frame, "2020-01-01", "2020-03-01")


def _pandemic(frame: pd.DataFrame) -> Mask:
    """The city stood still: a model of 2018 and 2019 is expected to be worse here, and a drift alarm to say so."""
    return _between(frame, "2020-04-01", "2020-07-01")


RECIPE = Recipe(
    name="quotes",
    read_events=read_events,
    histories=HISTORIES,
    examples=examples,
    transform=transform,
    splits=(Split("holdout", _two_years, _half_of_2020), Split("backtest_2019", _one_year, _half_of_2019)),
    slices={"before_pandemic": _before_pandemic, "pandemic": _pandemic},
)
