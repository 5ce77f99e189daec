"""Owns where the offline side keeps its files: sources in the repository, everything made from them outside of it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "models"
DATA = MODELS / "data"
BUNDLES = MODELS / "bundles"
FEATURE_STORE = MODELS / "feature_repo" / "feature_store.yaml"
LOCK = ROOT / "requirements" / "dev.txt"

STATE = ROOT / ".sluice"
TABLES = STATE / "feast" / "tables"  # one parquet file per feature view: Feast's offline source
TRAIN = STATE / "train"


def table_path(view: str) -> Path:
    """The rows of one view."""
    return TABLES / f"{view}.parquet"


def bundle_path(deployment: str, version: str) -> Path:
    """One bundle."""
    return BUNDLES / deployment / version


def frame_path(deployment: str) -> Path:
    """Where a build leaves the point-in-time frame, for tests and skew rows; no bundle needs it."""
    return TRAIN / deployment / "frame.parquet"


def booster_path(deployment: str, version: str) -> Path:
    """Where a build leaves the booster in LightGBM's own form, for the same readers."""
    return TRAIN / deployment / f"{version}.txt"
