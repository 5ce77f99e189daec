"""Two pictures for the README: who rolls innocent canaries back, and how soon guilty ones are."""

import math
from collections.abc import Sequence

from loadtests.svg import FAINT, INK, PALETTE, Picture
from routing.guard import ALPHA
from tests.sim.judge.figures import Figures
from tests.sim.judge.plan import ERRORS_GROW, LINE, PAIRS, STREAM

_JUDGES = {
    "sluice": ("Sluice", PALETTE[0]),
    "thresholds": ("thresholds by the minute", PALETTE[1]),
    "z_test": ("z-test, every 10 s", PALETTE[3]),
}
_LEFT, _RIGHT, _ROW = 400.0, 830.0, 17.0
_LEAST = 0.0005
_NEVER = 7_200.0


def draw_false_rollbacks(found: Sequence[Figures]) -> str:
    """Draw by scenario the share of innocent canaries that each judge rolls back, on a logarithmic scale."""
    shown = [one for one in found if one["kind"] in (STREAM, LINE, PAIRS)]
    bottom = 74.0 + _ROW * len(shown)
    title = "Innocent canaries that are rolled back"
    picture = Picture(860, round(bottom + 44), title)
    picture.text(20, 26, title, 15, bold=True)
    _legend(picture, 46.0)
    for mark in (0.001, 0.01, 0.1, 1.0):
        picture.line((_share(mark), 60, _share(mark), bottom), FAINT, 0.6)
        picture.text(_share(mark), bottom + 16, f"{mark:.1%}" if mark < 0.01 else f"{mark:.0%}", 11, "middle")
    picture.text(_share(_LEAST), bottom + 16, "none", 11, "middle")
    picture.line((_share(ALPHA), 56, _share(ALPHA), bottom), INK, 1.2, "4 3")
    picture.text(_share(ALPHA) + 4, bottom + 32, "α, the most that is promised", 11)
    for number, one in enumerate(shown):
        at = 74.0 + _ROW * number
        picture.text(_LEFT - 18, at + 4, f"{one['kind']}: {one['name']}", 11, "end")
        picture.line((_LEFT, at, _RIGHT, at), FAINT, 0.3)
        for judge in reversed(_JUDGES):
            share: float | None = one["share"] if judge == "sluice" else one.get(judge)
            if share is not None:
                picture.dot(_share(share), at, 4.0, _JUDGES[judge][1])
    return picture.render()


def draw_delays(found: Sequence[Figures], onset: float = 3_600.0) -> str:
    """Draw by weight how long a canary whose errors grow stays: medians, by ratio and traffic; dashed to the p90."""
    cells = [one for one in found if one["kind"] == ERRORS_GROW and one["onset"] == onset]
    title = f"From an onset after {onset / 3600:g} h to the rollback: errors of 0.2 % that grow"
    picture = Picture(860, 400, title)
    picture.text(20, 26, title, 15, bold=True)
    rates = sorted({one["rate"] for one in cells})
    for number, rate in enumerate(rates):
        picture.text(60 + 150 * number, 48, f"● {rate:,.0f} calls/s", 11, color=PALETTE[number])
    picture.text(60 + 150 * len(rates), 48, "median; bars to the p90", 11)
    for panel, weight in enumerate(sorted({one["weight"] for one in cells})):
        left = 70.0 + 265.0 * panel
        _grid(picture, left, weight, labels=panel == 0)
        for number, rate in enumerate(rates):
            own = [one for one in cells if (one["weight"], one["rate"]) == (weight, rate)]
            _curve(picture, left, sorted(own, key=lambda one: float(one["times"])), PALETTE[number], 3.0 * (number - 1))
    return picture.render()


def _legend(picture: Picture, at: float) -> None:
    for number, (words, color) in enumerate(_JUDGES.values()):
        picture.dot(_LEFT + 150.0 * number, at - 4, 4.0, color)
        picture.text(_LEFT + 150.0 * number + 9, at, words, 11)


def _share(share: float) -> float:
    part = math.log(max(share, _LEAST) / _LEAST) / math.log(1.0 / _LEAST)
    return _LEFT + (_RIGHT - _LEFT) * part


def _grid(picture: Picture, left: float, weight: int, labels: bool) -> None:
    picture.text(left, 72, f"{weight / 100:g} % of units", 12, bold=True)
    picture.text(left, 392, "errors grow so many times", 11)
    for seconds, words in (
        (1, "1 s"),
        (10, "10 s"),
        (60, "1 min"),
        (600, "10 min"),
        (3_600, "1 h"),
        (_NEVER, "not at all"),
    ):
        picture.line((left, _y(seconds), left + 225, _y(seconds)), FAINT, 0.6)
        if labels:
            picture.text(left - 8, _y(seconds) + 4, words, 11, "end")
    for times in (1.5, 2, 3, 5, 10, 25):
        picture.text(_x(left, times), 376, f"{times:g}", 11, "middle")


def _curve(picture: Picture, left: float, cells: Sequence[Figures], color: str, aside: float) -> None:
    points = [(_x(left, one["times"]) + aside, _y(one["sluice"]["median"])) for one in cells]
    if len(points) > 1:
        picture.path(points, color)
    for (x, y), one in zip(points, cells, strict=True):
        picture.line((x, y, x, _y(one["sluice"]["p90"])), color, 1.0, "2 2")
        picture.dot(x, y, 3.5, color)


def _x(left: float, times: float) -> float:
    return left + 12 + 200 * math.log(times / 1.5) / math.log(25 / 1.5)


def _y(seconds: float | None) -> float:
    shown = _NEVER if seconds is None else max(1.0, seconds)
    return 355 - 270 * math.log(shown) / math.log(_NEVER)
