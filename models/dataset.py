"""Owns the point-in-time frame: examples joined by Feast with what was visible when each was made.

The DuckDB store and `filter_by_created_timestamp` are not matters of taste: Feast's default store drops rows that share
key and time, and its default join lets late-arriving values into rows older than they are.
"""

import hashlib

import numpy as np
import pandas as pd
from feast import FeatureStore

from models.deployment import Deployment
from models.errors import DataError
from models.feature_store import ibis_quiet
from models.history import EVENT_TIMESTAMP
from models.recipe import EXAMPLE


def point_in_time_frame(store: FeatureStore, deployment: Deployment, examples: pd.DataFrame) -> pd.DataFrame:
    """One row per example in order of time, nothing missing: the declared defaults stand in, as in the gateway."""
    service = store.get_feature_service(deployment.name)
    with ibis_quiet():
        joined = store.get_historical_features(examples, service, filter_by_created_timestamp=True).to_df()
    if len(joined) != len(examples):
        raise DataError(f"{deployment.name}: {len(examples):,} examples went into the join, {len(joined):,} came out")
    ordered = joined.sort_values([EVENT_TIMESTAMP, EXAMPLE], ignore_index=True)
    known = ordered[list(deployment.refuse)].notna().all(axis=1) if deployment.refuse else slice(None)
    return ordered[known].fillna(dict(deployment.defaults)).reset_index(drop=True)


def frame_digest(frame: pd.DataFrame) -> str:
    """sha256 of the frame's columns, by name; the rows must be in their one order."""
    digest = hashlib.sha256()
    for name in sorted(frame.columns):
        column = frame[name]
        values = column.astype(np.int64) if name.endswith(("_at", EVENT_TIMESTAMP)) else column
        digest.update(name.encode() + b"\0" + str(values.dtype).encode() + b"\0")
        digest.update(np.ascontiguousarray(values.to_numpy()).tobytes())
    return digest.hexdigest()
