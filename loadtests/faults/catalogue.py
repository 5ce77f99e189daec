"""Every scenario, in the order in which they run. A new one is a function in scenarios/ and an entry in its file."""

from loadtests.faults.scenario import Scenario
from loadtests.faults.scenarios import (
    backend,
    calm,
    canary,
    failover,
    files,
    overload,
    redis,
    reload,
    rollout,
    shadow,
    triton,
    values,
    worker,
)

_FILES = (calm, redis, failover, values, backend, triton, reload, canary, rollout, shadow, worker, files, overload)

SCENARIOS = tuple(one for file in _FILES for one in file.SCENARIOS)


def selected(only: frozenset[str]) -> list[Scenario]:
    """Return the scenarios of these names, or whose names begin so; all for none. Raises ValueError."""
    known = [one.name for one in SCENARIOS]
    unknown = sorted(word for word in only if not any(name.startswith(word) for name in known))
    if unknown:
        raise ValueError(f"no scenario {', '.join(unknown)}; there are {', '.join(known)}")
    return [one for one in SCENARIOS if not only or one.name.startswith(tuple(only))]
