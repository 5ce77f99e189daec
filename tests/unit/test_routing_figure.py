"""Figures: no powers of ten where somebody would rather count, no digits that tell nothing; and spans of time."""

import pytest

from routing.figure import figure, span


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.0123, "0.0123"), (12.345, "12.3"), (999.4, "999"), (999.6, "1,000"), (1_234_567.0, "1,234,567"),
     (999_999_999.0, "999,999,999"), (3.14e14, "3.1e+14"), (-1_234.5, "-1,234"), (float("inf"), "inf")],
)  # fmt: skip
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text


def test_with_more_digits() -> None:
    assert [figure(value, 4) for value in (1_234.5, 12_345.6, 0.012345)] == ["1,234", "12,346", "0.01235"]
    assert figure(250_000.0, 6) == "250,000"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (119.4, "119 s"), (120, "2 min"), (7_140, "119 min"), (7_200, "2 h"), (9_000, "2 h 30 min"),
     (82_800, "23 h"), (172_800, "2 d"), (180_000, "2 d 2 h")],
)  # fmt: skip
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text
