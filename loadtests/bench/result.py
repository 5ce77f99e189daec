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
from loadtests.bench.secret import without_passwords, without_places
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
        """Whether there are findings, and every one has a value."""
        return bool(self.findings) and all(finding.value is not None for finding in self.findings)

    def text(self) -> str:
        """Return the page."""
        return without_places(without_passwords(page(self.at, self.plan, self.findings)))

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values, without passwords."""
        values = {
            "at": self.at,
            "whole": self.whole,
            "machine": describe(),
            "command": list(self.command),
            "plan": self.plan,
            "gateways": {name: list(words) for name, words in self.gateways.items()},
            "findings": [finding.as_json() for finding in self.findings],
        }
        shown = msgspec.to_builtins(values, enc_hook=_plain)
        return {name: _shown(value) for name, value in shown.items()}

    def write(self, folder: Path) -> Path:
        """Write what there is; pictures of what was not measured are left out. Return the page's path."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JSON).write_bytes(msgspec.json.format(msgspec.json.encode(self.as_json())))
        for name, draw in PICTURES.items():
            if (picture := draw(self.findings)) is not None:
                (folder / name).write_text(picture)
        path = folder / PAGE
        path.write_text(self.text() + "\n")
        return path


def _shown(value: object) -> object:
    if isinstance(value, str):
        return without_places(without_passwords(value))
    if isinstance(value, dict):
        return {name: _shown(one) for name, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, list) else value


def _plain(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, frozenset) else str(value)
