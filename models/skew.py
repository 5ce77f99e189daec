"""Owns the skew rows: calls together with the score that the training code itself gives them.

The score comes from LightGBM on the point-in-time row that Feast joins offline, so a gateway that answers the same has
read, aged, transformed and ordered the features as training does.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from feast import FeatureStore

from models.dataset import point_in_time_frame
from models.deployment import Deployment
from models.history import EVENT_TIMESTAMP
from models.manifest import load_manifest
from models.materialise import newest_rows
from models.matrix import model_matrix
from models.places import booster_path, bundle_path, frame_path
from models.recipe import EXAMPLE, Recipe
from models.train import predict

STRANGER_EVERY = 50  # one call in so many is about entities that nobody has seen
STRANGER = 1_000_000_000
STEADY_FOR = timedelta(days=1)  # left out: entities whose state goes stale within this time of the newest event


def write_skew_rows(store: FeatureStore, recipe: Recipe, deployment: Deployment, count: int, out: Path) -> None:
    """Write one JSON line per call."""
    lines = [json.dumps(row) for row in skew_rows(store, recipe, deployment, count)]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def skew_rows(store: FeatureStore, recipe: Recipe, deployment: Deployment, count: int) -> list[dict[str, Any]]:
    """`count` calls made at the newest event, each about other entities; `scores` has one for every version."""
    versions = list(deployment.training.versions)
    manifest = load_manifest(bundle_path(recipe.name, versions[0]))
    newest = datetime.fromtimestamp(manifest.newest_event, UTC)
    keys = sorted({key for history in recipe.histories for key in history.keys})
    calls = _calls(recipe, deployment, keys, count, newest)
    frame = point_in_time_frame(store, deployment, calls)
    matrix = model_matrix(frame, recipe.transform, deployment.training.features)
    scores = {version: predict(_booster(recipe, version), matrix) for version in versions}
    return [
        {
            "entities": {key: int(frame[key][row]) for key in keys},
            "features": _features(deployment, frame, row, newest),
            "unit": _unit(deployment, frame, row),
            "score": float(scores[versions[0]][row]),
            "scores": {version: float(score[row]) for version, score in scores.items()},
        }
        for row in range(len(frame))
    ]


def _calls(recipe: Recipe, deployment: Deployment, keys: list[str], count: int, newest: datetime) -> pd.DataFrame:
    """Calls like those of the frame, but made now; some about strangers, unless those are refused."""
    past = pd.read_parquet(frame_path(recipe.name)).drop_duplicates(keys, keep="last")
    wanted = [*keys, *(name for name in deployment.request_names if name != "time")]
    steady = past[_steady(recipe, past, newest)]
    calls = steady[wanted].sample(count, random_state=0).reset_index(drop=True)
    if not deployment.refuse:
        for key in keys:
            calls.loc[::STRANGER_EVERY, key] += STRANGER
    calls[EVENT_TIMESTAMP] = pd.Timestamp(newest).as_unit("us")
    calls[EXAMPLE] = np.arange(count)
    return calls


def _steady(recipe: Recipe, calls: pd.DataFrame, newest: datetime) -> "pd.Series[bool]":
    """Calls about entities none of whose state grows stale within a day: the gateway's clock runs on."""
    steady = pd.Series(True, index=calls.index)
    for history in recipe.histories:
        if history.ttl:
            keys = list(history.keys)
            last = newest_rows(history, newest).set_index(keys)[EVENT_TIMESTAMP].rename("last")
            left = history.ttl - (newest - calls.join(last, on=keys)["last"])
            steady &= ~((left >= timedelta(0)) & (left <= STEADY_FOR))
    return steady


def _booster(recipe: Recipe, version: str) -> lightgbm.Booster:
    return lightgbm.Booster(model_file=str(booster_path(recipe.name, version)))


def _features(deployment: Deployment, frame: pd.DataFrame, row: int, newest: datetime) -> dict[str, Any]:
    as_sent = {"bool": bool, "int64": int, "int32": int}
    features = {
        str(entry["name"]): as_sent.get(entry["type"], float)(frame[entry["name"]][row])
        for entry in deployment.request
        if entry["name"] != "time"
    }
    return {**features, "time": int(newest.timestamp())}


def _unit(deployment: Deployment, frame: pd.DataFrame, row: int) -> str:
    entity = deployment.unit.get("entity")
    return str(frame[entity][row]) if entity else f"session-{row}"
