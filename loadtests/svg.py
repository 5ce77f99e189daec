"""Pictures as text: the few shapes that charts are made of, in SVG, for light pages and dark ones.

Written by hand because a plotting library would be the heaviest thing in the development environment, for three charts.
"""

import math
from html import escape

INK, FAINT = "#57606a", "#afb8c1"
# Okabe and Ito's colours, told apart by every kind of eye.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#8c8c8c")


def readable_on(color: str) -> str:
    """Return ink or white, whichever is read more easily on the color (#rrggbb, perhaps with an opacity)."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 140 and len(color) == 7
    return "#ffffff" if dark else "#24292f"


def nice_step(length: float, parts: int) -> float:
    """Return a round step (1, 2 or 5 times a power of ten) that parts a length into no more than `parts`."""
    power = 10.0 ** math.floor(math.log10(length / parts))
    return next(power * step for step in (1, 2, 5, 10) if power * step * parts >= length * 0.999)


class Picture:
    """A drawing board, measured in pixels from the upper left."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._width = width
        self._height = height
        self._title = title
        self._shapes: list[str] = []

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: int = 12,
        anchor: str = "start",
        bold: bool = False,
        color: str = INK,
    ) -> None:
        """Write a line; `anchor` is start, middle or end."""
        weight = ' font-weight="600"' if bold else ""
        style = f'font-size="{size}" text-anchor="{anchor}" fill="{color}"{weight}'
        self._shapes.append(f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>')

    def box(self, x: float, y: float, width: float, height: float, color: str, tip: str = "") -> None:
        """Fill a rectangle; `tip` is shown when it is pointed at."""
        shown = f"<title>{escape(tip)}</title>" if tip else ""
        size = f'width="{max(width, 0.0):.1f}" height="{height:.1f}"'
        self._shapes.append(f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{color}">{shown}</rect>')

    def line(
        self, ends: tuple[float, float, float, float], color: str = FAINT, width: float = 1.0, dash: str = ""
    ) -> None:
        """Draw from (x, y) to (x, y)."""
        x1, y1, x2, y2 = ends
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        ends_at = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        self._shapes.append(f'<line {ends_at} stroke="{color}" stroke-width="{width}"{dashed}/>')

    def dot(self, x: float, y: float, radius: float, color: str) -> None:
        """Draw a dot."""
        self._shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{color}"/>')

    def path(self, points: list[tuple[float, float]], color: str) -> None:
        """Draw a line through points."""
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._shapes.append(f'<polyline points="{joined}" fill="none" stroke="{color}" stroke-width="2"/>')

    def render(self) -> str:
        """Return the file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self._width} {self._height}" width="{self._width}"'
        )
        style = f'font-family="system-ui, sans-serif" fill="{INK}" role="img"'
        background = '<rect width="100%" height="100%" fill="#ffffff"/>'
        return "\n".join(
            [f"{head} {style}>", f"<title>{escape(self._title)}</title>", background, *self._shapes, "</svg>\n"]
        )
