"""Owns how fraud is learned: which weeks to learn from, which to be judged on."""

import pandas as pd

from models.fraud.events import examples, read_events
from models.fraud.features import HISTORIES
from models.fraud.transform import transform
from models.history import EVENT_TIMESTAMP
from models.recipe import LABEL_VISIBLE_AT, Mask, Recipe, Split

TEST_FROM = pd.Timestamp("2019-06-16", tz="UTC")
ALWAYS_FRAUD_ABOVE = 90_000.0


def _train(frame: pd.DataFrame) -> Mask:
    """Payments whose label was known when the last weeks began: up to a week before."""
    return (frame[LABEL_VISIBLE_AT] <= TEST_FROM).to_numpy(bool)


def _last_weeks(frame: pd.DataFrame) -> Mask:
    return (frame[EVENT_TIMESTAMP] >= TEST_FROM).to_numpy(bool)


def _low_amount(frame: pd.DataFrame) -> Mask:
    """Payments whose amount alone does not give them away."""
    return (frame["amount"] <= ALWAYS_FRAUD_ABOVE).to_numpy(bool)


RECIPE = Recipe(
    name="fraud",
    read_events=read_events,
    histories=HISTORIES,
    examples=examples,
    transform=transform,
    splits=(Split("holdout", _train, _last_weeks),),
    slices={"low_amount": _low_amount},
)
