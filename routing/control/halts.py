"""Halts: a person's word that nothing goes forward. What goes back always may, and evidence is gathered on.

A freeze lets what runs stay where it is. A stop, of all deployments, and a kill, of one, also take the candidate out:
the leader sees to it that none runs while they are in force.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol

import msgspec

Kind = Literal["freeze", "stop", "kill"]


class Halt(msgspec.Struct, frozen=True):
    """`at` and `until` are unix seconds; an `until` of 0 is none: it holds until it is taken back."""

    deployment: str
    """Empty: every deployment."""
    kind: Kind
    by: str
    reason: str
    at: float
    until: float = 0.0

    def holds(self, deployment: str, now: float) -> bool:
        """Whether it keeps a deployment's rollouts from going forward now."""
        return self.deployment in ("", deployment) and (not self.until or now < self.until)

    @property
    def takes_out(self) -> bool:
        """Whether it takes candidates out that have traffic already."""
        return self.kind != "freeze"

    @property
    def what(self) -> str:
        """What was done, and why."""
        done = {"freeze": "frozen", "stop": "everything was stopped", "kill": "killed"}[self.kind]
        return f"{done}: {self.reason or 'no reason given'}"

    def __str__(self) -> str:
        """Return it as people are told of it."""
        until = f", until {_moment(self.until)}" if self.until else ""
        return f"{self.what} ({self.by}{until})"


class HaltStore(Protocol):
    """Where they are kept. Every method raises `ControlError` when the control Redis cannot be reached."""

    async def halt(self, halt: Halt) -> None:
        """Keep it, in place of one of the same kind and deployment."""

    async def lift(self, deployment: str) -> int:
        """Take back every halt of a deployment, or with "" those of all; return how many there were."""

    async def halts(self) -> list[Halt]:
        """Return all of them, also those whose time is over, by deployment and kind."""


def _moment(at: float) -> str:
    """Whatever is kept can be said: what only says why nothing goes forward must keep nothing from going back."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
    except (OSError, OverflowError, ValueError):
        return f"{at:g} s after 1970"


def in_force(halts: Iterable[Halt], deployment: str, now: float) -> Halt | None:
    """Return what keeps a deployment's rollouts from going forward: what takes out before what only holds."""
    found = [halt for halt in halts if halt.holds(deployment, now)]
    return max(found, key=lambda halt: halt.takes_out, default=None)


def valid(halts: Iterable[Halt], now: float) -> Sequence[Halt]:
    """Return those whose time is not over."""
    return [halt for halt in halts if not halt.until or now < halt.until]
