"""Pins: units that always meet one arm, however the split is drawn: test entities, and cohorts of them.

A cohort is every unit that begins with a text: `test-*`. What a pinned unit does is evidence of nothing, because its
arm was chosen and not drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from routing.reading import section, texts, within


@dataclass(frozen=True, slots=True)
class Pins:
    """Arms by unit, and by the beginning of units; the longest beginning counts, and a whole unit above all."""

    units: Mapping[str, str] = field(default_factory=dict)
    cohorts: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anybody is pinned."""
        return bool(self.units or self.cohorts)

    def arm_of(self, unit: str) -> str:
        """Return the unit's arm, empty where it is not pinned."""
        arm = self.units.get(unit, "")
        if arm or not self.cohorts:
            return arm
        longest = max((start for start in self.cohorts if unit.startswith(start)), key=len, default="")
        return self.cohorts.get(longest, "")


NO_PINS = Pins()


def read_pins(document: object, arms: Sequence[str]) -> Pins:
    """Read lists of units by arm; one that ends in `*` is a cohort. Raises `ValueError`."""
    units: dict[str, str] = {}
    cohorts: dict[str, str] = {}
    with within("pins"):
        by_arm = section(document)
        for arm in by_arm:
            if arm not in arms:
                raise ValueError(f"{arm!r:.80} is no arm that units can be pinned to; they are {', '.join(arms)}")
            for unit in texts(by_arm, arm):
                into, name = (cohorts, unit[:-1]) if unit.endswith("*") else (units, unit)
                if not name:
                    raise ValueError(f"{arm}: {unit!r} would be everybody")
                if into.setdefault(name, arm) != arm:
                    raise ValueError(f"{unit!r:.80} is pinned to two arms")
    return Pins(units, cohorts)
