"""Owns the online store's content: the newest state of every view, written to Redis by Feast and read back."""

import contextlib
import io
import warnings
from datetime import UTC, datetime

import pandas as pd
import redis
from feast import FeatureStore

from models.errors import OnlineStoreError
from models.feature_store import ibis_quiet
from models.history import EVENT_TIMESTAMP, History
from models.places import table_path
from models.recipe import Recipe

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READ_BACK = 200  # entities per view


def materialise(store: FeatureStore, recipe: Recipe, newest_event: datetime) -> None:
    """Fill the online store with the deployment's state at its newest event."""
    views = [history.view for history in recipe.histories]
    try:
        # Feast prints a bar per view, and we print our own lines.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()), ibis_quiet():
            store.materialize(EPOCH, newest_event, feature_views=views)
        for history in recipe.histories:
            read_back(store, history, newest_event)
    except redis.RedisError as exc:
        raise OnlineStoreError(f"{recipe.name}: Redis failed while its features were written: {exc}") from exc


def newest_rows(history: History, newest_event: datetime) -> pd.DataFrame:
    """The last visible row of every entity."""
    table = pd.read_parquet(table_path(history.view))
    visible = table[table[EVENT_TIMESTAMP] <= newest_event]
    return visible.drop_duplicates(list(history.keys), keep="last")  # tables are in order of time within an entity


def read_back(store: FeatureStore, history: History, newest_event: datetime) -> None:
    """Read a sample of entities through the SDK: Feast is silent about rows that it leaves out."""
    newest = newest_rows(history, newest_event)
    sample = newest.sample(min(READ_BACK, len(newest)), random_state=0)
    entities = {key: sample[key].tolist() for key in history.keys}
    features = [f"{history.view}:{feature}" for feature in history.features]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = store.get_online_features(features, entities).to_dict()
    for feature in history.features:
        if answer[feature] != sample[feature].tolist():
            raise OnlineStoreError(f"{history.view}: Redis does not hold {feature} as it was written")
