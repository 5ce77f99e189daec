"""The picture of a list's time: one stacked bar for each load, in microseconds of a row, by stage."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

import msgspec

from loadtests.bench.finding import Finding
from loadtests.sampling.picture import Bar
from loadtests.sampling.stages import EXPLAINED, IDLE, STAGES
from loadtests.svg import FAINT, PALETTE, Picture, nice_step, readable_on

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 1000, 190, 960, 70, 44
_NUMBER, _LETTER = 38, 12  # pixels that a letter with a number, and a letter alone, need in their part of a bar
_LETTERS = dict(zip(STAGES, ascii_uppercase, strict=False))  # there are more stages than colours to tell them apart by
_COLORS = dict(zip(STAGES, (*PALETTE, *(f"{color}99" for color in PALETTE)), strict=False)) | {IDLE: "#eaeef2"}


def draw_list_time(findings: Sequence[Finding]) -> str | None:
    """Draw the bars of the finding `list-time`; None where there is none."""
    found = next((one for one in findings if one.name == "list-time" and "bars" in one.details), None)
    return None if found is None else draw_bars(msgspec.convert(found.details["bars"], list[Bar]))


def draw_bars(bars: Sequence[Bar]) -> str:
    """Draw bars one below the other, on one scale that ends at the longest; a bar alone with its caller is cut."""
    used = [stage for stage in STAGES if any(stage in one.microseconds for one in bars)]
    longest = max(_busy(one.microseconds) for one in bars) * 1.25
    bottom = _TOP + _ROW * len(bars)
    picture = Picture(_WIDTH, bottom + 44 + 20 * ((len(used) + 1) // 2), "Where a list's time goes")
    picture.text(20, 26, "Where a list's time goes: µs of the worker's core for one row", 15, bold=True)
    picture.text(20, 46, "gRPC on h2corn; sampled in the running worker; idle is cut off where it is longer", 11)
    for tick in _ticks(longest):
        x = _LEFT + (_RIGHT - _LEFT) * tick / longest
        picture.line((x, _TOP - 8, x, bottom), FAINT, 0.6)
        picture.text(x, bottom + 14, f"{tick:g} µs", 11, "middle")
    for number, one in enumerate(bars):
        _draw_bar(picture, one, _TOP + _ROW * number, longest)
    for number, stage in enumerate(used):
        _draw_key(picture, stage, 20 + 490 * (number % 2), bottom + 40 + 20 * (number // 2))
    return picture.render()


def _draw_bar(picture: Picture, bar: Bar, top: float, longest: float) -> None:
    picture.text(_LEFT - 12, top + 16, f"lists of {bar.rows_per_list:.1f} rows", 12, "end", bold=True)
    load = f"{bar.in_flight} in flight, {bar.rows_per_second:,.0f} rows/s"
    picture.text(_LEFT - 12, top + 31, load, 10, "end")
    x, scale = float(_LEFT), (_RIGHT - _LEFT) / longest
    for stage, microseconds in bar.microseconds.items():
        width = min(microseconds * scale, _RIGHT - x)
        picture.box(x, top + 4, width, _ROW - 12, _COLORS[stage], f"{stage}: {microseconds:.1f} µs")
        said = f"{_LETTERS[stage]} {microseconds:.0f}" if width >= _NUMBER else _LETTERS[stage]
        if width >= _LETTER:
            picture.text(x + width / 2, top + 24, said, 11, "middle", True, readable_on(_COLORS[stage]))
        x += width


def _draw_key(picture: Picture, stage: str, x: float, y: float) -> None:
    picture.box(x, y - 11, 16, 14, _COLORS[stage])
    picture.text(x + 8, y, _LETTERS[stage], 11, "middle", True, readable_on(_COLORS[stage]))
    picture.text(x + 24, y, stage, 11, bold=True)
    picture.text(x + 124, y, EXPLAINED[stage], 11)


def _busy(microseconds: Mapping[str, float]) -> float:
    return sum(time for stage, time in microseconds.items() if stage != IDLE)


def _ticks(longest: float) -> list[float]:
    step = nice_step(longest, 10)
    return [step * number for number in range(int(longest / step) + 1)]
