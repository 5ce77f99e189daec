"""Figures and moments of rollouts as people read and type them."""

import re
import time

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def moment(at: float) -> str:
    """Return unix seconds as a date and a time, UTC; those that no calendar has, as they are."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))
    except (OSError, OverflowError, ValueError):
        return f"{at:g} s after 1970"


def hour(at: float) -> str:
    """Return unix seconds as a time of day, UTC."""
    return time.strftime("%H:%M:%S", time.gmtime(at))


def seconds_of(text: str) -> float:
    """Return the seconds of `90s`, `15m`, `24h` or `7d`. Raises `ValueError` that says so."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not found:
        raise ValueError(f"{text!r} is no time: say 90s, 15m, 24h or 7d")
    return float(found[1]) * _UNITS[found[2]]


def visible(text: str) -> str:
    """Return what others wrote without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
