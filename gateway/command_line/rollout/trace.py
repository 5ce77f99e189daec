"""What a watcher remembers of a deployment: how each guard's evidence came about, and what has happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from protos.sluice.v1 import rollouts_pb2 as pb

LENGTH = 24
"""As many points as a guard's picture has."""
EVERY = 1.0
"""Seconds from one of them to the next, at least."""
_LATELY = 10
"""Points that say whether evidence is growing."""
_CLEARLY = 1.1

Trend = Literal["growing", "falling", "steady"]


@dataclass(frozen=True, slots=True)
class Trace:
    """Of one rollout; a new one begins with nothing."""

    rollout: str = ""
    at: float = float("-inf")
    """When the last point was taken, in unix seconds."""
    evidence: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By guard, the newest last."""
    events: Sequence[pb.Event] = ()
    """The last events, the newest last."""

    def heard(self, state: pb.RolloutState, at: float) -> "Trace":
        """Return the trace with what was heard of the rollout at a moment."""
        known = self if self.rollout == state.name else Trace(state.name, events=self.events)
        if at - known.at < EVERY:
            return known
        evidence = {one.guard: (*known.evidence.get(one.guard, ()), one.evidence)[-LENGTH:] for one in state.guards}
        return replace(known, at=at, evidence=evidence)


def trend(values: Sequence[float]) -> Trend:
    """Say where evidence has been going lately."""
    if len(values) < 2:
        return "steady"
    before, now = values[-_LATELY:][0], values[-1]
    if now > before * _CLEARLY:
        return "growing"
    return "falling" if now * _CLEARLY < before else "steady"
