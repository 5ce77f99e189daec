"""What a run of scenarios leaves behind: a JSON to compute with, a page to read, and the pictures of overload."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loadtests.bench.secret import without_places
from loadtests.faults.plan import Plan
from loadtests.faults.report import BROKE_OFF, CANNOT_TELL, FAILED, Report
from loadtests.machine import describe

PAGE = "stress.md"
JSON = "stress.json"


@dataclass(frozen=True, slots=True)
class Result:
    """One run of scenarios."""

    at: datetime.datetime
    plan: Plan
    command: Sequence[str]
    capacity: float
    reports: Sequence[Report]

    @property
    def exit_status(self) -> int:
        """0: every promise that was tried was kept; 1: not; 3: none was broken, and of some nothing could be told."""
        found = {report.status for report in self.reports}
        if not found or found & {FAILED, BROKE_OFF}:
            return 1
        return 3 if CANNOT_TELL in found else 0

    def summary(self) -> str:
        """Return one line a scenario."""
        width = max((len(report.scenario.name) for report in self.reports), default=0)
        lines = []
        for report in self.reports:
            seen = report.observed.expectations if report.observed is not None else []
            told = "; ".join(one.text() for one in seen) or report.trouble
            lines.append(f"{report.scenario.name:{width}}  {report.status:11}  {told}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values."""
        return {
            "at": self.at,
            "machine": describe(),
            "command": list(self.command),
            "quick": self.plan.quick,
            "only": sorted(self.plan.only),
            "seats": self.plan.seats.text(),
            "capacity": self.capacity,
            "load": self.plan.load,
            "exit_status": self.exit_status,
            "scenarios": [report.as_json() for report in self.reports],
        }

    def page(self) -> str:
        """Return the page."""
        machine = describe()
        head = (
            f"# Faults and overload of {self.at:%Y-%m-%d %H:%M} UTC\n\n"
            f"{machine['processor']}, {machine['cores']} cores,"
            f" Linux {machine['kernel']}, Python {machine['python']}; {self.plan.seats.text()}; one worker answers"
            f" {self.capacity:,.0f} calls/s (closed loop, 64 connections), and is kept at {self.plan.load:.0%} of it."
        )
        if self.plan.quick:
            head += " The short forms (`--quick`): see that it runs, believe no figure."
        parts = [f"## {report.scenario.name}\n\n{_section(report)}" for report in self.reports]
        return without_places("\n\n".join([head, f"```\n{self.summary()}\n```", *parts]))

    def write(self, folder: Path) -> Path:
        """Write everything; return the page's path."""
        folder.mkdir(parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(self.as_json(), enc_hook=str)).decode()
        (folder / JSON).write_text(without_places(text))
        for name, picture in pictures(self.reports).items():
            (folder / name).write_text(picture)
        path = folder / PAGE
        path.write_text(self.page() + "\n")
        return path


def pictures(reports: Sequence[Report]) -> dict[str, str]:
    """Return the pictures of those scenarios that drew one, by file name."""
    drawn = {}
    for report in reports:
        picture = report.observed.picture if report.observed is not None else ""
        if picture:
            drawn[f"{report.scenario.name}.svg"] = picture
    return drawn


def _section(report: Report) -> str:
    scenario = report.scenario
    told = f"What is done: {scenario.does}. What the caller is promised: {scenario.sees}.\n\n```\n{report.text()}\n```"
    if report.observed is None:
        return told
    if report.observed.picture:
        told += f"\n\n![{scenario.name}]({scenario.name}.svg)"
    if report.observed.table:
        told += f"\n\n{report.observed.table}"
    if not report.observed.timeline:
        return told
    lines = ["| s | answered | degraded | rescued | refused | failed | p99 ms |", "|---|---|---|---|---|---|---|"]
    for one in report.observed.timeline:
        p99 = "–" if one.p99_ms is None else f"{one.p99_ms:.1f}"
        lines.append(f"| {one.at:.0f} | " + " | ".join(f"{count:,}" for count in one.counts.values()) + f" | {p99} |")
    return told + "\n\n" + "\n".join(lines)
