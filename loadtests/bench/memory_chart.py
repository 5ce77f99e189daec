"""The picture of the soak: resident and own memory of the worker over time."""

from collections.abc import Sequence

import msgspec

from loadtests.bench.finding import Finding
from loadtests.svg import FAINT, PALETTE, Picture, nice_step

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 800, 300, 60, 660, 50, 250
_LINES = {"rss_mb": ("resident", PALETTE[0]), "uss_mb": ("its own", PALETTE[1])}


class Moment(msgspec.Struct):
    """Megabytes at a second of the soak."""

    seconds: float
    rss_mb: float
    uss_mb: float


def draw_memory(findings: Sequence[Finding]) -> str | None:
    """Draw the samples of the finding `memory`; None where there are none."""
    found = next((one for one in findings if one.name == "memory" and "samples" in one.details), None)
    return None if found is None else draw_moments(msgspec.convert(found.details["samples"], list[Moment]))


def draw_moments(moments: Sequence[Moment]) -> str:
    """Draw two lines from zero, so that flat looks flat."""
    end = max(moments[-1].seconds, 1.0)
    top = max(moment.rss_mb for moment in moments) * 1.15
    picture = Picture(_WIDTH, _HEIGHT, "Memory of a worker at full load")
    picture.text(20, 26, "Memory of a worker at full load, MB", 15, bold=True)
    step = nice_step(top, 5)
    for part in range(int(top / step) + 1):
        y = _BOTTOM - (_BOTTOM - _TOP) * part * step / top
        picture.line((_LEFT, y, _RIGHT, y), FAINT, 0.6)
        picture.text(_LEFT - 8, y + 4, f"{part * step:.0f}", 11, "end")
    for part in range(5):
        picture.text(_LEFT + (_RIGHT - _LEFT) * part / 4, _BOTTOM + 18, f"{end * part / 4:.0f} s", 11, "middle")
    for name, (words, color) in _LINES.items():
        points = [
            (
                _LEFT + (_RIGHT - _LEFT) * moment.seconds / end,
                _BOTTOM - (_BOTTOM - _TOP) * float(getattr(moment, name)) / top,
            )
            for moment in moments
        ]
        picture.path(points, color)
        picture.text(_RIGHT + 8, points[-1][1] + 4, f"{words}: {getattr(moments[-1], name):.0f}", 12)
    return picture.render()
