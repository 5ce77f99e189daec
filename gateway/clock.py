"""Each deployment's own clock: the wall's, or a replay in which the newest row of old data is now.

The offsets are measured once, by `sluice up` or `sluice serve --replay-now`, and kept in a file, so that every worker
and every restart agree on what time it is.
"""

import json
import time
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path

from gateway.config import ConfigError

Offsets = Mapping[str, float]


def event_clock(offset: float, wall: Callable[[], float] = time.time) -> Callable[[], float]:
    """Return a clock in unix seconds that runs `offset` seconds behind the wall."""
    return lambda: wall() - offset


def replay_offsets(newest_events: Mapping[str, float], wall: Callable[[], float] = time.time) -> dict[str, float]:
    """Return offsets by deployment at which each one's newest event is now."""
    now = wall()
    return {name: now - newest for name, newest in newest_events.items()}


def write_offsets(path: Path, offsets: Offsets) -> None:
    """Keep the offsets; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(dict(offsets), sort_keys=True))
    fresh.replace(path)


def read_offsets(path: Path) -> dict[str, float]:
    """Return the kept offsets, none if there is no file. Raises `ConfigError` when it is broken."""
    if not path.exists():
        return {}
    try:
        offsets = {str(name): float(offset) for name, offset in json.loads(path.read_text()).items()}
    except (AttributeError, TypeError, ValueError) as exc:
        raise ConfigError(f"{path} cannot be read ({exc}): remove it and run `sluice up`") from exc
    if not all(map(isfinite, offsets.values())):
        raise ConfigError(f"{path} holds an offset that is not finite: remove it and run `sluice up`")
    return offsets
