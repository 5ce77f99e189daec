"""What a run counted while it measured, and the report that may be made of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

from loadtests.answer import Verdict
from loadtests.latencies import Latencies

ALLOWED_FAULTS = 0.001
ALLOWED_NOT_FRESH = 0.5
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


@dataclass(slots=True)
class Tally:
    """Calls that ended within the measured time. Only good ones have a latency; the others count as endless."""

    good: int = 0
    not_fresh: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    latencies: Latencies = field(default_factory=Latencies)

    def count(self, verdict: Verdict, nanoseconds: int) -> None:
        """Count one ended call."""
        if verdict.fault:
            self.fault(verdict.fault, 1, verdict.detail)
            return
        self.good += 1
        self.latencies.add(nanoseconds)
        if not verdict.fresh:
            self.not_fresh += 1

    def fault(self, kind: str, calls: int, detail: str = "") -> None:
        """Count calls that got no good answer, and keep the first one's words."""
        self.faults[kind] = self.faults.get(kind, 0) + calls
        self.details.setdefault(kind, detail)

    def merge(self, other: "Tally") -> None:
        """Add everything that `other` counted."""
        self.good += other.good
        self.not_fresh += other.not_fresh
        self.latencies.merge(other.latencies)
        self.merge_faults(other)

    def merge_faults(self, other: "Tally") -> None:
        """Add only what `other` counted as faults."""
        for kind, calls in other.faults.items():
            self.fault(kind, calls, other.details[kind])


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `processor_seconds` holds `generator` and whichever other processes were named."""

    dialect: str
    connections: int
    streams: int
    seconds: float
    entity_sets: int
    lost_connections: int
    tally: Tally
    processor_seconds: dict[str, float]

    @property
    def failed(self) -> int:
        """How many calls got no good answer."""
        return sum(self.tally.faults.values())

    @property
    def sound(self) -> bool:
        """Whether the run may show a rate.

        All connections lasted, at most 0.1 % of the calls got no good answer, and features were found for the rest.
        """
        calls = self.tally.good + self.failed
        few_faults = self.tally.good > 0 and self.failed <= ALLOWED_FAULTS * calls
        return few_faults and not self.lost_connections and not self.unfilled

    @property
    def unfilled(self) -> bool:
        """Whether most good answers went without fresh features; one entity set alone cannot tell."""
        return self.entity_sets > 1 and self.tally.not_fresh > ALLOWED_NOT_FRESH * self.tally.good

    @property
    def rate(self) -> float | None:
        """Good calls a second; None where the run was not sound."""
        return self.tally.good / self.seconds if self.sound else None

    def quantile(self, share: float) -> float | None:
        """Return a latency in seconds; None where the run was not sound."""
        return self.tally.latencies.quantile(share, self.failed) if self.sound else None

    def processor_time_per_call(self, process: str) -> float | None:
        """Return the processor seconds that `process` spent on one good call; None if unknown."""
        seconds = self.processor_seconds.get(process)
        return None if seconds is None or not self.sound else seconds / self.tally.good

    def reasons(self) -> list[str]:
        """Say why the run is not sound, most frequent first."""
        frequent = sorted(self.tally.faults.items(), key=lambda item: -item[1])
        reasons = [f"{calls:,} × {kind}" + _example(self.tally.details[kind]) for kind, calls in frequent]
        if self.lost_connections:
            reasons.append(f"{self.lost_connections} of {self.connections} connections lost for good")
        if self.unfilled:
            without = f"{self.tally.not_fresh:,} of {self.tally.good:,} good answers had a feature that was not fresh"
            reasons.append(f"{without}: is the feature store filled?")
        return reasons or ["no call was answered"]

    def as_json(self) -> dict[str, object]:
        """Return the report as plain values; no rate and no latency where it is not sound."""
        return {
            "dialect": self.dialect,
            "connections": self.connections,
            "streams": self.streams,
            "seconds": self.seconds,
            "entity_sets": self.entity_sets,
            "lost_connections": self.lost_connections,
            "good": self.tally.good,
            "not_fresh": self.tally.not_fresh,
            "faults": self.tally.faults,
            "examples": self.tally.details,
            "calls_per_second": self.rate,
            "latency_seconds": {name: _finite(self.quantile(share)) for name, share in QUANTILES.items()}
            | {"max": self.tally.latencies.longest / 1e9 if self.sound else None},
            "processor_seconds": self.processor_seconds,
        }


def add_up(reports: list[Report]) -> Report:
    """Return the runs of one kind as one run."""
    return reduce(_add, reports)


def why_not(reports: Sequence[Report]) -> list[str]:
    """Say why those of the runs that are not sound are not; nothing where all are."""
    bad = [report for report in reports if not report.sound]
    return add_up(bad).reasons() if bad else []


def _add(one: Report, other: Report) -> Report:
    tally = Tally()
    tally.merge(one.tally)
    tally.merge(other.tally)
    shared = one.processor_seconds.keys() & other.processor_seconds.keys()
    return Report(
        dialect=one.dialect,
        connections=one.connections,
        streams=one.streams,
        seconds=one.seconds + other.seconds,
        entity_sets=max(one.entity_sets, other.entity_sets),
        lost_connections=one.lost_connections + other.lost_connections,
        tally=tally,
        processor_seconds={name: one.processor_seconds[name] + other.processor_seconds[name] for name in shared},
    )


def _example(detail: str) -> str:
    return f" (such as: {detail})" if detail else ""


def _finite(seconds: float | None) -> float | None:
    return seconds if seconds is not None and math.isfinite(seconds) else None
