"""Where rollouts are kept: one for each deployment, changed only by compare-and-set, each change with its event."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from routing.control.event import Event
from routing.rollout import Rollout


@dataclass(frozen=True, slots=True)
class Kept:
    """A rollout as it is kept. `version` grows by one with every change; 0 is that of none."""

    rollout: Rollout | None
    version: int


class Lease(Protocol):
    """Who leads. Every method raises `ControlError` when the control Redis cannot be reached."""

    async def lead(self, name: str, seconds: float, unjudged: Collection[str] = ()) -> int:
        """Become leader, or stay it for so many seconds more: return the fence, above 0, or 0 if somebody else is.

        `unjudged` are the deployments whose rollouts this leader cannot judge for the time being.
        """

    async def leader(self) -> str:
        """Return who leads; empty where nobody does."""

    async def unjudged(self) -> frozenset[str]:
        """Return the deployments whose rollouts are not judged, although somebody leads."""

    async def resign(self, name: str) -> None:
        """Lead no longer, so that somebody else may at once. Whoever does not lead changes nothing by it."""


class Store(Lease, Protocol):
    """One control Redis, or what stands for it. Every method raises `ControlError` when it cannot be reached."""

    async def read(self, deployment: str) -> Kept:
        """Return the deployment's rollout, also one that is over, or none."""

    async def write(self, kept: Kept, event: Event, fence: int) -> Kept:
        """Keep `event.rollout` in place of what was read, and the event with it: both, or neither.

        Raises `Stale` when it was changed meanwhile, `Fenced` when a leader with a higher `fence` has come; 0 is a
        person's, who needs to lead nothing.
        """

    async def history(self, deployment: str, count: int) -> list[Event]:
        """Return the last `count` events of the deployment, the oldest first."""
