"""Where flags have their defaults from: SLUICE_... in the environment, and where this checkout lies."""

import os
from pathlib import Path

from gateway.config import DEFAULT_REDIS_URL

ROOT = Path(__file__).resolve().parents[2]


def env(name: str, default: object) -> object:
    """Return what the environment says of a flag, by its name in lower case with underscores."""
    return os.environ.get(f"SLUICE_{name.upper()}", default)


def redis_url() -> str:
    """Return the Redis that Feast fills: SLUICE_REDIS_URL, or the embedded one of `up` on SLUICE_REDIS_PORT."""
    port = os.environ.get("SLUICE_REDIS_PORT")
    return os.environ.get("SLUICE_REDIS_URL") or (f"redis://127.0.0.1:{port}/0" if port else DEFAULT_REDIS_URL)
