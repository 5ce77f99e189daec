"""Where flags have their defaults from: SLUICE_... in the environment, and where this checkout lies."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def env(name: str, default: object) -> object:
    """Return what the environment says of a flag, by its name in lower case with underscores."""
    return os.environ.get(f"SLUICE_{name.upper()}", default)
