"""The picture of overload: what was offered against what was answered in budget, and the p99 of the answers."""

import math
from collections.abc import Sequence

from loadtests.faults.overload import Step
from loadtests.svg import FAINT, INK, PALETTE, Picture, nice_step

_WIDTH, _HEIGHT = 860, 360
_TOP, _BOTTOM = 60, 300
_LEFT_PANEL, _RIGHT_PANEL = (70.0, 430.0), (540.0, 820.0)
_GOOD, _REFUSED, _LATE = PALETTE[0], PALETTE[1], PALETTE[5]


def draw_overload(title: str, steps: Sequence[Step], capacity: float, deadline_ms: float) -> str:
    """Draw both panels; a step that was not offered is not drawn."""
    shown = [step for step in steps if step.offered]
    picture = Picture(_WIDTH, _HEIGHT, title)
    picture.text(20, 26, title, 15, bold=True)
    most = max([step.multiple for step in shown], default=1.0)
    _rates(picture, shown, capacity, most)
    _times(picture, shown, most, deadline_ms)
    missing = ", ".join(f"{step.multiple:g}×" for step in steps if not step.offered)
    if missing:
        picture.text(20, _HEIGHT - 8, f"not offered, because the generator could not: {missing}", 11, color=_LATE)
    return picture.render()


def _rates(picture: Picture, steps: Sequence[Step], capacity: float, most: float) -> None:
    begin, end = _LEFT_PANEL
    top = max([capacity, *(step.good for step in steps), *(step.refused for step in steps)]) * 1.1
    picture.text(begin, 48, "calls/s against the load offered, in multiples of capacity", 11)
    _grid(picture, _LEFT_PANEL, top, most, "{:,.0f}")
    at = _y(capacity, top)
    picture.line((begin, at, end, at), INK, 1.2, "4 3")
    picture.text(end, at - 5, f"capacity {capacity:,.0f}", 11, "end")
    for words, color, name in (
        ("answered in budget", _GOOD, "good"),
        ("refused", _REFUSED, "refused"),
        ("failed or late", _LATE, "failed"),
    ):
        points = [(_x(one.multiple, most, _LEFT_PANEL), _y(min(getattr(one, name), top), top)) for one in steps]
        _curve(picture, points, color)
        if points:
            picture.text(points[-1][0] + 8, points[-1][1] + 4, words, 11, color=color)


def _times(picture: Picture, steps: Sequence[Step], most: float, deadline_ms: float) -> None:
    begin, _ = _RIGHT_PANEL
    times = [value for step in steps for value in (step.p99_ms, step.refusal_p99_ms) if math.isfinite(value)]
    top = max([deadline_ms, *times]) * 1.1
    picture.text(begin, 48, f"p99 in ms (the budget is {deadline_ms:g})", 11)
    _grid(picture, _RIGHT_PANEL, top, most, "{:,.0f}")
    for color, name in ((_GOOD, "p99_ms"), (_REFUSED, "refusal_p99_ms")):
        known = [(step.multiple, float(getattr(step, name))) for step in steps]
        points = [(_x(at, most, _RIGHT_PANEL), _y(value, top)) for at, value in known if math.isfinite(value)]
        _curve(picture, points, color)


def _grid(picture: Picture, panel: tuple[float, float], top: float, most: float, form: str) -> None:
    begin, end = panel
    step = nice_step(top, 5)
    for part in range(int(top / step) + 1):
        at = _y(part * step, top)
        picture.line((begin, at, end, at), FAINT, 0.6)
        picture.text(begin - 8, at + 4, form.format(part * step), 11, "end")
    for multiple in range(int(most) + 1):
        picture.text(_x(multiple, most, panel), _BOTTOM + 18, f"{multiple}×", 11, "middle")


def _curve(picture: Picture, points: list[tuple[float, float]], color: str) -> None:
    if len(points) > 1:
        picture.path(points, color)
    for x, y in points:
        picture.dot(x, y, 3.5, color)


def _x(multiple: float, most: float, panel: tuple[float, float]) -> float:
    begin, end = panel
    return begin + (end - begin) * 0.72 * multiple / most


def _y(value: float, top: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / top
