"""The frozen routing table of a deployment: who is champion, who canary with which weight, who shadow at which rate."""

from collections.abc import KeysView
from dataclasses import dataclass

from routing.pins import NO_PINS, Pins
from routing.split import BUCKETS, bucket_of, draw

CHAMPION = "champion"
CANARY = "canary"
SHADOW = "shadow"
FALLBACK = "fallback"

NOT_DRAWN = -1
"""In place of a unit's number: its arm was chosen, and it is evidence of nothing."""


class TableError(ValueError):
    """A table that cannot exist; the message says which part of it and why."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A bundle that answers `weight` of 10,000 buckets of units."""

    version: str
    weight: int

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= BUCKETS:
            raise TableError(f"canary weight {self.weight / BUCKETS:g} is not between 0 and 1")


@dataclass(frozen=True, slots=True)
class Shadow:
    """A bundle that sees `rate` of the rows, 0 to 1, and whose outputs nobody is answered with."""

    version: str
    rate: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate <= 1.0:
            raise TableError(f"shadow rate {self.rate:g} is not between 0 and 1")


@dataclass(frozen=True, slots=True)
class Table:
    """One deployment's arms. `number` grows with every change; `salt` keys the split."""

    deployment: str
    number: int
    champion: str
    salt: bytes
    canary: Canary | None = None
    shadows: tuple[Shadow, ...] = ()
    fallback: str | None = None
    """A cheap bundle that answers where the arm of a call cannot any more, in the time that is left."""
    pins: Pins = NO_PINS
    """Units whose arm is not drawn."""

    def __post_init__(self) -> None:
        if not self.champion:
            raise TableError(f"deployment {self.deployment} has no champion")
        if not 1 <= len(self.salt) <= 64:
            raise TableError(f"deployment {self.deployment}: the salt must have 1 to 64 bytes, not {len(self.salt)}")
        if self.canary is not None and self.canary.version == self.champion:
            raise TableError(f"deployment {self.deployment}: version {self.champion} cannot be champion and canary")
        versions = [shadow.version for shadow in self.shadows]
        if len(set(versions)) != len(versions):
            raise TableError(f"deployment {self.deployment}: a version is shadow twice")

    @property
    def versions(self) -> KeysView[str]:
        """Every bundle version that has an arm, the champion's first."""
        canary = () if self.canary is None else (self.canary.version,)
        fallback = () if self.fallback is None else (self.fallback,)
        shadows = (shadow.version for shadow in self.shadows)
        return dict.fromkeys((self.champion, *shadows, *canary, *fallback)).keys()

    def arm_of(self, unit: str) -> str:
        """Return `champion` or `canary`: sticky for the unit, monotone in the canary's weight."""
        canary = self.canary
        if canary is None:
            return CHAMPION
        if self.pins and (arm := self.pins.arm_of(unit)):
            return arm
        return CANARY if canary.weight and bucket_of(self.salt, unit) < canary.weight else CHAMPION

    def place(self, unit: str) -> tuple[str, int]:
        """Return the unit's arm, as `arm_of` does, and its number, which says nothing of the arm.

        A pinned unit's number is `NOT_DRAWN`.
        """
        if self.pins and self.pins.arm_of(unit):
            return self.arm_of(unit), NOT_DRAWN
        drawn = draw(self.salt, unit)
        canary = self.canary is not None and drawn.bucket < self.canary.weight
        return (CANARY if canary else CHAMPION), drawn.number
