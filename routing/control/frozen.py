"""Why nothing of a deployment goes forward: a person's word, rules that have changed, or declared hours."""

from collections.abc import Iterable

from routing.control.halts import Halt, in_force
from routing.control.plane import Known
from routing.freeze import frozen_by
from routing.rollout import Rollout


def frozen(known: Known, halts: Iterable[Halt], deployment: str, rollout: Rollout | None, now: float) -> str:
    """Return why, for whoever waits; empty: nothing keeps it. `rollout` is the one that runs, if one does."""
    halt = in_force(halts, deployment, now)
    if halt is not None:
        return str(halt)
    if rollout is not None and rollout.digests.get("rules", "") != known.rules.get(deployment, ""):
        return "the `rollout` section of deployment.yaml is another one than when it began: abort it, or put that back"
    return frozen_by(known.of(deployment).freeze, now)
