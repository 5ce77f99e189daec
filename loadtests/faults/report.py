"""One scenario's result, as values and as words."""

from dataclasses import dataclass

from loadtests.faults.scenario import Observed, Scenario

PASSED, FAILED, CANNOT_TELL, BROKE_OFF = "passed", "FAILED", "cannot tell", "BROKE OFF"


@dataclass(frozen=True, slots=True)
class Report:
    """`observed` is missing where the scenario broke off; `trouble` then says why."""

    scenario: Scenario
    observed: Observed | None
    trouble: str = ""

    @property
    def status(self) -> str:
        """A ledger that does not add up fails, whatever else was observed."""
        if self.observed is not None and not self.observed.adds_up:
            return FAILED
        if self.observed is None:
            return BROKE_OFF
        if self.observed.broken:
            return FAILED
        return PASSED if self.observed.kept else CANNOT_TELL

    def text(self) -> str:
        """Return the ledger and the expectations in words."""
        lines = [f"{self.scenario.name}: {self.status}"]
        if self.trouble:
            lines.append(self.trouble)
        if self.observed is not None:
            lines += [f"{name}: {one.text()}" for name, one in self.observed.ledgers.items()]
            lines += [f"- {one.text()}" for one in self.observed.expectations]
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values."""
        head: dict[str, object] = {
            "name": self.scenario.name,
            "does": self.scenario.does,
            "sees": self.scenario.sees,
            "status": self.status,
            "trouble": self.trouble,
        }
        if self.observed is None:
            return head
        seen = self.observed
        return head | {
            "ledgers": {name: one.as_json() for name, one in seen.ledgers.items()},
            "expectations": [one.as_json() for one in seen.expectations],
            "timeline": [{"at": one.at, **one.counts, "p99_ms": one.p99_ms} for one in seen.timeline],
            "details": dict(seen.details),
        }
