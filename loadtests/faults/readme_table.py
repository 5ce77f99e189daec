"""The README's table of faults, from a run's JSON: what is done, what the caller sees, what was measured."""

from pathlib import Path

import msgspec

_MOST = 6  # expectations that a cell can show
_HEAD = "| fault | what the caller sees | measured |"


class Kept(msgspec.Struct):
    """An expectation as it was written."""

    text: str


class Line(msgspec.Struct):
    """A scenario as it was written, as far as the table shows it."""

    name: str
    does: str
    sees: str
    status: str
    trouble: str = ""
    ledgers: dict[str, dict[str, object]] = msgspec.field(default_factory=dict)
    expectations: list[Kept] = msgspec.field(default_factory=list)


class Written(msgspec.Struct):
    """A run's JSON, as far as it is read here."""

    scenarios: list[Line]
    quick: bool = False


def table_from(folder: Path) -> str:
    """Return the table; raises OSError when there is no JSON."""
    written = msgspec.json.decode((folder / "stress.json").read_bytes(), type=Written)
    return "\n".join([_HEAD, "|---|---|---|", *map(_line, written.scenarios)])


def _line(line: Line) -> str:
    return f"| {line.does} | {line.sees} | {_measured(line)} |".replace("\n", " ")


def _measured(line: Line) -> str:
    if not line.ledgers:
        return f"**{line.status}**: {line.trouble}"
    during = line.ledgers.get("during") or next(iter(line.ledgers.values()))
    kinds = ("answered", "degraded", "rescued", "refused", "failed")
    counts = " + ".join(f"{during[kind]:,} {kind}" for kind in kinds if during[kind])
    told = "; ".join(one.text for one in line.expectations)
    if len(line.expectations) > _MOST:
        kept = sum(one.text.endswith(": kept)") for one in line.expectations)
        told = f"{kept} of {len(line.expectations)} bounds kept, see the picture"
    mark = "" if line.status == "passed" else f"**{line.status}**: "
    return f"{mark}{during['sent']:,} calls = {counts}; {told}"
