"""The picture of the bench: every value as a multiple of what must be, and ours over every peer, on log axes."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from loadtests.bench.finding import Finding
from loadtests.bench.page import figure
from loadtests.svg import FAINT, INK, Picture

_WIDTH, _LEFT, _RIGHT, _ROW = 1020, 545, 990, 26
_VALUE = 115  # pixels for the values, between the names and the axis
_COLORS = {"aim reached": "#009e73", "must reached": "#56b4e9", "short": "#d55e00", "reported": "#8c8c8c"}
_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_LONGEST = 66
_PEER = "peer-"


class _Row(NamedTuple):
    """A finding where it lies on its panel's axis: its value, its interval, what must be and what is aimed at."""

    finding: Finding
    here: float
    low: float
    high: float
    must: float | None
    aim: float | None


class _Axis(NamedTuple):
    least: float
    greatest: float

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high = math.log(self.least), math.log(self.greatest)
        return _LEFT + (_RIGHT - _LEFT) * (min(max(math.log(value), low), high) - low) / (high - low)


def draw_goals(findings: Sequence[Finding]) -> str | None:
    """Draw what can be drawn: values above zero that have a goal, and peers; None where there is neither."""
    drawn = [one for one in findings if one.spread and one.spread.low > 0]
    goals = [_as_share(one) for one in drawn if one.goal and not one.name.startswith(_PEER)]
    peers = [_as_ratio(one) for one in drawn if one.name.startswith(_PEER)]
    if not goals and not peers:
        return None
    panels = [(goals, "Measured, as a multiple of what must be", "must"), (peers, "Ours over theirs, in turn", "equal")]
    shown = [panel for panel in panels if panel[0]]
    height = 70 + sum(_ROW * len(rows) + 84 for rows, _, _ in shown)
    picture = Picture(_WIDTH, height, "What was measured against what is demanded")
    _draw_key(picture)
    top = 50.0
    for rows, title, one in shown:
        top = _draw_panel(picture, rows, f"{title} (log scale, right is better)", one, top)
    return picture.render()


def _as_share(finding: Finding) -> _Row:
    goal, spread = finding.goal, finding.spread
    if goal is None or spread is None:
        raise ValueError(f"{finding.name} has no goal or no value")
    ends = sorted((goal.share(spread.low), goal.share(spread.high)))
    aim = None if goal.aim is None else goal.share(goal.aim)
    return _Row(finding, goal.share(spread.median), ends[0], ends[1], None, aim)


def _as_ratio(finding: Finding) -> _Row:
    goal, spread = finding.goal, finding.spread
    if spread is None:
        raise ValueError(f"{finding.name} has no value")
    must, aim = (goal.must, goal.aim) if goal else (None, None)
    return _Row(finding, spread.median, spread.low, spread.high, must, aim)


def _draw_panel(picture: Picture, rows: Sequence[_Row], title: str, one: str, top: float) -> float:
    """Draw a panel; return where the next one begins."""
    marks = [mark for row in rows for mark in (row.low, row.high, row.must, row.aim) if mark]
    axis = _Axis(min([0.5, *marks]) * 0.9, max([2.0, *marks]) * 1.1)
    picture.text(20, top + 20, title, 15, bold=True)
    first = top + 40
    bottom = first + _ROW * len(rows)
    for tick in (tick for tick in _TICKS if axis.least <= tick <= axis.greatest):
        x = axis.at(tick)
        picture.line((x, first - 6, x, bottom), INK if tick == 1 else FAINT, 1.5 if tick == 1 else 0.6)
        picture.text(x, bottom + 16, one if tick == 1 else f"{tick:g} ×", 11, "middle")
    for number, row in enumerate(rows):
        _draw_row(picture, row, first + _ROW * number, axis)
    return bottom + 44


def _draw_row(picture: Picture, row: _Row, top: float, axis: _Axis) -> None:
    finding, middle = row.finding, top + _ROW / 2
    shown = figure(finding.value, finding.unit)
    picture.text(_LEFT - _VALUE, middle + 4, shortened(finding.title), 11, "end")
    picture.text(_LEFT - 10, middle + 4, shown, 11, "end", bold=True)
    one, here = axis.at(1.0), axis.at(row.here)
    picture.box(
        min(one, here), top + 6, abs(here - one), _ROW - 12, _COLORS[finding.verdict], f"{finding.title}: {shown}"
    )
    picture.line((axis.at(row.low), middle, axis.at(row.high), middle), INK, 2.0)
    picture.dot(here, middle, 3.5, INK)
    for mark, dash in ((row.must, ""), (row.aim, "3 2")):
        if mark is not None:
            picture.line((axis.at(mark), top + 2, axis.at(mark), top + _ROW - 2), INK, 2.5, dash)


def _draw_key(picture: Picture) -> None:
    x = 20.0
    for words, color in _COLORS.items():
        picture.box(x, 22, 12, 12, color)
        picture.text(x + 18, 32, words, 11)
        x += 110
    for words, dash in (("must", ""), ("aim", "3 2")):
        picture.line((x, 21, x, 36), INK, 2.5, dash)
        picture.text(x + 10, 32, words, 11)
        x += 56
    picture.line((x, 28, x + 30, 28), INK, 2.0)
    picture.dot(x + 15, 28, 3.5, INK)
    picture.text(x + 38, 32, "median and its interval", 11)


def shortened(title: str) -> str:
    """Return a title that fits beside the axis: of a peer's, what stands in brackets goes first."""
    if title.startswith("against "):
        title = re.sub(r" \([^)]*\)", "", title)
    return title if len(title) <= _LONGEST else title[: _LONGEST - 1] + "…"
