"""What the bench leaves behind: a Markdown table to read and a JSON file to compute with."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from loadtests.cross_check import CrossCheck
from loadtests.generator import Load
from loadtests.machine import describe
from loadtests.table import Row, markdown
from loadtests.tally import add_up


@dataclass(frozen=True, slots=True)
class Result:
    """One bench: its rows, and everything needed to run it again."""

    at: datetime.datetime
    commands: Mapping[str, Sequence[str]]
    load: Load
    cores: Mapping[str, Sequence[int]]
    rows: Sequence[Row]
    cross_check: CrossCheck | None

    def text(self) -> str:
        """Return the table with its conditions."""
        machine = describe()
        seats = ", ".join(f"{who} on {_cores(cores)}" for who, cores in self.cores.items() if cores)
        shared = f"{self.load.connections} connections × {self.load.streams} in flight"
        sets = min((report.entity_sets for row in self.rows for report in row.rounds), default=0)
        lines = [
            f"{machine['processor']}, {machine['cores']} cores; {seats}; one worker; {shared};",
            f"{sets:,} entity sets or more in every run; every answer verified, {self._not_fresh():.0%} of the good "
            "ones with a feature that was null, missing or too old.",
            "",
            markdown(self.rows),
            "",
            self.cross_check.summary() if self.cross_check else "No cross-check against h2load was made.",
        ]
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values."""
        return {
            "at": self.at,
            "machine": describe(),
            "cores": self.cores,
            "commands": self.commands,
            "load": asdict(self.load),
            "rows": [_row(row) for row in self.rows],
            "cross_check": [{"ours": ours, "h2load": theirs} for ours, theirs in self._pairs()],
        }

    def write(self, directory: Path) -> Path:
        """Write both files; return the JSON's path."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.at:%Y%m%dT%H%M%SZ}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self.as_json())))
        path.with_suffix(".md").write_text(self.text() + "\n")
        return path

    def _not_fresh(self) -> float:
        tallies = [report.tally for row in self.rows for report in row.rounds]
        return sum(tally.not_fresh for tally in tallies) / max(1, sum(tally.good for tally in tallies))

    def _pairs(self) -> list[tuple[float, float]]:
        return self.cross_check.pairs if self.cross_check else []


def _row(row: Row) -> dict[str, object]:
    return {
        "front": row.front,
        "calls_per_second": row.rate,
        "all_rounds": add_up(list(row.rounds)).as_json(),
        "rounds": [report.as_json() for report in row.rounds],
    }


def _cores(cores: Sequence[int]) -> str:
    return "core " + ", ".join(map(str, cores))
