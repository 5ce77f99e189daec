"""Evidence as bars and lines, on a logarithmic scale from 1, where nothing is known, to what is enough."""

import math
from collections.abc import Sequence

_PARTS = " ▏▎▍▌▋▊▉"
_HEIGHTS = "▁▂▃▄▅▆▇█"


def filled(evidence: float, enough: float) -> float:
    """Return how much of the way has been gone, 0 to 1: evidence is multiplied, so its logarithm goes the way."""
    if evidence <= 1 or enough <= 1:
        return 0.0
    return min(1.0, math.log(evidence) / math.log(enough))


def bar(evidence: float, enough: float, width: int = 20) -> str:
    """Return a bar that is full at `enough`, and not before."""
    eighths = math.floor(filled(evidence, enough) * width * 8)
    whole, part = divmod(eighths, 8)
    drawn = "█" * whole + (_PARTS[part] if part else "")
    return drawn.ljust(width, "·")


def sparkline(values: Sequence[float], enough: float) -> str:
    """Return a small picture of how evidence came about, the newest on the right."""
    return "".join(_HEIGHTS[math.floor(filled(value, enough) * (len(_HEIGHTS) - 1))] for value in values)
