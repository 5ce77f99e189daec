"""What gateways tell whoever leads: windows of what their workers found out, and which table they serve.

A rollout's windows are kept whole, in the order in which they came, until it is long over: a leader that comes after
another hears them all from the first one on, and so knows what the other knew. Only of a rollout that has had more to
say than `MOST_BYTES` the first ones go.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from routing.window import Window


class Standing(msgspec.Struct, frozen=True):
    """How a gateway stands with a deployment; `at` is unix seconds."""

    table: int
    """The number of the table that it serves, with every arm ready in every worker."""
    at: float
    refused: int = 0
    """The number of a table that it cannot serve."""
    trouble: str = ""
    """Why it cannot."""
    rollout: str = ""
    """The rollout whose table it serves; empty: its own."""
    champion: str = ""
    """The bundle version that is champion there."""
    champion_digest: str = ""
    policy: str = ""
    """The digest of its policy."""
    rules: str = ""
    """The digest of what its `deployment.yaml` says of rollouts."""
    taken_out: str = ""
    """The name of the rollout that it heard of last, if it has taken out its candidate."""
    lapsed: bool = False
    """Whether the canary's weight has lapsed in any of its workers: nobody has renewed it there."""


MOST_BYTES = 256 << 20
"""What one rollout's windows may take: 17 to 30 million calls of units that are new."""
ALIVE = 5.0
"""Seconds after which a gateway that has reported nothing is not waited for."""
REMEMBERED = 86_400.0
"""Seconds after which it is forgotten: where every gateway that starts has a name of its own, names are many."""


def live(standings: Mapping[str, Standing], now: float) -> dict[str, Standing]:
    """Return those of gateways that have reported lately, by their names."""
    return {name: standing for name, standing in sorted(standings.items()) if abs(now - standing.at) <= ALIVE}


class Feed(Protocol):
    """One control Redis, or what stands for it. Every method raises `ControlError` when it cannot be reached."""

    async def send(self, rollout: str, window: Window) -> None:
        """Add a window to the rollout's; beyond `MOST_BYTES` the first ones go."""

    async def after(self, rollout: str, place: str, most: int) -> list[tuple[str, Window]]:
        """Return up to `most` windows that came after a place, each with its own; "" is before the first."""

    async def now(self) -> float:
        """Return unix seconds by the one clock that gateways and leaders share."""

    async def report(self, deployment: str, gateway: str, standing: Standing) -> None:
        """Say how a gateway stands."""

    async def standings(self, deployment: str) -> dict[str, Standing]:
        """Return by gateway what it said last; what is older than `REMEMBERED` is forgotten."""
