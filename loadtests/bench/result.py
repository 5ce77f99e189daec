"""What the bench leaves behind: a folder with a JSON to compute with, a page to read, and the pictures."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loadtests.bench.finding import Finding
from loadtests.bench.goal_chart import draw_goals
from loadtests.bench.list_chart import draw_list_time
from loadtests.bench.memory_chart import draw_memory
from loadtests.bench.page import page
from loadtests.bench.plan import Plan
from loadtests.machine import describe

PAGE = "bench.md"
JSON = "bench.json"
PICTURES = {"bench.svg": draw_goals, "list.svg": draw_list_time, "memory.svg": draw_memory}


@dataclass(frozen=True, slots=True)
class Result:
    """One bench: its findings, and everything needed to run it again."""

    at: datetime.datetime
    plan: Plan
    command: Sequence[str]
    gateways: Mapping[str, Sequence[str]]
    findings: Sequence[Finding]

    @property
    def whole(self) -> bool:
        """Whether every finding has a value."""
        return all(finding.value is not None for finding in self.findings)

    def text(self) -> str:
        """Return the page."""
        return page(self.at, self.plan, self.findings)

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values."""
        return {
            "at": self.at,
            "machine": describe(),
            "command": list(self.command),
            "plan": msgspec.to_builtins(self.plan, enc_hook=_plain),
            "gateways": {name: list(words) for name, words in self.gateways.items()},
            "findings": [finding.as_json() for finding in self.findings],
        }

    def write(self, folder: Path) -> Path:
        """Write what there is; pictures of what was not measured are left out. Return the page's path."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JSON).write_bytes(msgspec.json.format(msgspec.json.encode(self.as_json(), enc_hook=_plain)))
        for name, draw in PICTURES.items():
            if (picture := draw(self.findings)) is not None:
                (folder / name).write_text(picture)
        path = folder / PAGE
        path.write_text(self.text() + "\n")
        return path


def _plain(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, frozenset) else str(value)
