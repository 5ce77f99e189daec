"""What came of all peers: a Markdown table with the reason under it where a peer has no figure, and a JSON."""

import datetime
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import msgspec

from loadtests.generator import Load
from loadtests.machine import describe
from loadtests.peers.versus import Versus
from loadtests.tally import Report, add_up

_HEAD = (
    "| beside | asked for | its calls/s (each round) | p50 ms | p99 ms | its µs of a core a call "
    "| {other}, calls/s | {other} ÷ it | interval |"
)
_JOBS = {True: "the whole job", False: "the model alone"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """All peers that were measured, and those that could not be, with their own words."""

    at: datetime.datetime
    load: Load
    other: str
    """Who every peer was played against, as it stands in the table."""
    played: Sequence[Versus]
    failed: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return the table and the reasons."""
        head = _HEAD.format(other=self.other)
        lines = [head, "|" + "---|" * (head.count("|") - 1), *map(_line, self.played)]
        lines += [line for versus in self.played if not versus.sound for line in _reasons(versus, self.other)]
        lines += [
            line for title, words in self.failed.items() for line in ("", f"{title} could not be measured:", words)
        ]
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values."""
        return {
            "at": self.at,
            "command": sys.argv,
            "machine": describe(),
            "load": asdict(self.load),
            "against": self.other,
            "peers": [versus.as_json() for versus in self.played],
            "failed": self.failed,
        }

    def write(self, directory: Path) -> Path:
        """Write the JSON and the table; return the JSON's path."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"peers-{self.at:%Y%m%dT%H%M%SZ}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self.as_json())))
        path.with_suffix(".md").write_text(self.text() + "\n")
        return path


def _line(versus: Versus) -> str:
    start = f"| {versus.peer.title} | {_JOBS[versus.peer.whole_job]} | "
    found = versus.spread
    if found is None:
        return start + "no rate" + " | -" * 6 + " |"
    total = add_up(list(versus.pairs.second))
    rates = ", ".join(f"{rate:,.0f}" for rate in versus.their_rates)
    cells = [f"**{median(versus.their_rates):,.0f}** ({rates})", _milliseconds(total, 0.5), _milliseconds(total, 0.99)]
    cells += [_microseconds(total)]
    cells += [f"{median(versus.our_rates):,.0f}", f"**{found.median:.2f}**", found.text()]
    return start + " | ".join(cells) + " |"


def _milliseconds(report: Report, share: float) -> str:
    seconds = report.quantile(share)
    return "-" if seconds is None else f"{seconds * 1e3:.2f}"


def _microseconds(report: Report) -> str:
    seconds = report.processor_time_per_call("worker")
    return "-" if seconds is None else f"{seconds * 1e6:.0f}"


def _reasons(versus: Versus, other: str) -> list[str]:
    by_side = {versus.peer.title: versus.pairs.second, other: versus.pairs.first}
    rounds = [(side, number, report) for side, played in by_side.items() for number, report in enumerate(played, 1)]
    told = [
        f"- {side}, round {number}: {reason}"
        for side, number, report in rounds
        if not report.sound
        for reason in report.reasons()
    ]
    return ["", f"No ratio for {versus.peer.title}:", *told]
