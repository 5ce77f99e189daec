"""Owns the offline tables on disk: a deployment's events turned into one parquet file per feature view.

The stamp beside them holds the digest of what they were made from and the instant at which the deployment's data end.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from models.deployment import Deployment
from models.history import history_table
from models.places import DATA, TABLES, table_path
from models.progress import Progress
from models.provenance import input_digest
from models.recipe import Cleaned, Recipe


@dataclass(frozen=True, slots=True)
class Tables:
    """A deployment's tables as they lie on disk.

    `newest_event` is the whole second after the last call that the data tell of: what was visible then, that call's own
    trace included, is the newest state. It is materialised, and it is where a replay clock begins.
    """

    digest: str
    newest_event: datetime


def current_tables(recipe: Recipe, deployment: Deployment, progress: Progress) -> Tables:
    """The tables on disk, made anew if what they are made from has changed."""
    found = _read_stamp(recipe)
    if found is not None and found.digest == input_digest(deployment):
        return found
    return write_tables(recipe, deployment, read_events(recipe, progress), progress)


def read_events(recipe: Recipe, progress: Progress) -> Cleaned:
    """The deployment's events; what was dropped is said aloud."""
    with progress.step(f"{recipe.name}: read events"):
        cleaned = recipe.read_events(DATA)
    for note in cleaned.notes:
        progress.say(f"    {note}")
    return cleaned


def write_tables(recipe: Recipe, deployment: Deployment, cleaned: Cleaned, progress: Progress) -> Tables:
    """Write every view's rows, and the stamp last."""
    TABLES.mkdir(parents=True, exist_ok=True)
    with progress.step(f"{recipe.name}: feature tables"):
        for history in recipe.histories:
            history_table(history, cleaned.events).to_parquet(table_path(history.view), index=False)
    tables = Tables(input_digest(deployment), _second_after(cleaned.last_call))
    stamp = {"digest": tables.digest, "newest_event": tables.newest_event.isoformat()}
    _stamp_path(recipe).write_text(json.dumps(stamp), encoding="utf-8")
    return tables


def _second_after(last_call: pd.Timestamp) -> datetime:
    return datetime.fromtimestamp(int(last_call.timestamp()), UTC) + timedelta(seconds=1)


def _stamp_path(recipe: Recipe) -> Path:
    return TABLES / f"{recipe.name}.json"


def _read_stamp(recipe: Recipe) -> Tables | None:
    path = _stamp_path(recipe)
    if not path.is_file() or not all(table_path(history.view).is_file() for history in recipe.histories):
        return None
    stamp = json.loads(path.read_text(encoding="utf-8"))
    return Tables(stamp["digest"], datetime.fromisoformat(stamp["newest_event"]))
