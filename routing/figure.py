"""A figure as people read it: digits as far as they tell something, and powers of ten only where nobody would count."""

_COUNTLESS = 1e9


def figure(value: float, digits: int = 3) -> str:
    """Return it in so many digits at most, larger ones in whole numbers, and from a billion on as 3.1e+14."""
    if abs(value) >= _COUNTLESS:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:,.{digits}g}"
