"""What one measure found: a value with its rounds and conditions, held against its goal."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from loadtests.bench.goals import GOALS, Goal
from loadtests.spread import Spread, spread


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the table. Without rounds it has no value, and `trouble` says why.

    `table` is Markdown for the page below, under `heading`.
    """

    name: str
    title: str
    unit: str
    rounds: Sequence[float] = ()
    conditions: str = ""
    trouble: str = ""
    details: dict[str, object] = field(default_factory=dict)
    heading: str = ""
    table: str = ""

    @property
    def spread(self) -> Spread | None:
        """The median of the rounds and its interval."""
        return spread(self.rounds) if self.rounds and not self.trouble else None

    @property
    def value(self) -> float | None:
        """The median of the rounds."""
        return self.spread.median if self.spread else None

    @property
    def goal(self) -> Goal | None:
        """What is demanded of it, if anything is."""
        return GOALS.get(self.name)

    @property
    def verdict(self) -> str:
        """How far it got; `reported` where nothing is demanded."""
        if self.goal is None:
            return "reported" if self.rounds and not self.trouble else "no value"
        return self.goal.verdict(self.value)

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values."""
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "value": self.value,
            "interval": None if self.spread is None else [self.spread.low, self.spread.high, self.spread.coverage],
            "rounds": list(self.rounds),
            "must": self.goal.must if self.goal else None,
            "aim": self.goal.aim if self.goal else None,
            "less_is_better": self.goal.less if self.goal else None,
            "verdict": self.verdict,
            "conditions": self.conditions,
            "trouble": self.trouble,
            "details": dict(self.details),
        }
