"""Figures as people read them: digits as far as they tell something, powers of ten where nobody counts, short times."""

_COUNTLESS = 1e9
_MANY = 1e6
_FAR = 1_000
"""So many times as much as is enough is no figure that tells anybody anything."""


def figure(value: float, digits: int = 3) -> str:
    """Return it in so many digits at most, larger ones in whole numbers, and from a billion on as 3.1e+14."""
    if abs(value) >= _COUNTLESS:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:,.{digits}g}"


def many(evidence: float) -> str:
    """Return evidence as a figure, as far as one tells anybody anything."""
    return figure(evidence) if evidence < _MANY else "over a million"


def of_enough(evidence: float, enough: float) -> str:
    """Return evidence beside what is enough of it: `12.3 of 500`, or `far over 500`."""
    return f"{figure(evidence)} of {figure(enough)}" if evidence < _FAR * enough else f"far over {figure(enough)}"


def percent(share: float) -> str:
    """Return 0.05 as `5 %`."""
    return f"{100 * share:.4g} %"


def span(seconds: float) -> str:
    """Return a time in its two largest units at most."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")
    hours = round(minutes / 60)
    return f"{hours // 24} d" + (f" {hours % 24} h" if hours % 24 else "")
