"""Reads what people wrote, each entry as what it has to be; whatever is something else is refused by its name.

YAML makes `.nan` a number, `yes` true, and `'false'` a text that counts as true: nothing here is converted silently.
Every function raises `ValueError` and nothing else, whatever is in the document.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf, isfinite
from typing import Any

MOST = 1e9
"""No number is larger unless its entry says so: no count, no ratio and no span needs it."""


@contextmanager
def within(where: str) -> Iterator[None]:
    """Say of whatever is refused inside where it stands."""
    try:
        yield
    except ValueError as exc:
        raise ValueError(f"{where}: {exc}") from exc


def section(value: object, *names: str) -> Mapping[str, Any]:
    """Return a mapping with texts for names, of those `names` if there are any; nothing at all is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"it is {_shown(value)}; it has entries, each with a name")
    for name in value:
        if not isinstance(name, str):
            raise ValueError(f"{_shown(name)} is no name: write it in quotes")
    unknown = sorted(set(value) - set(names)) if names else []
    if unknown:
        raise ValueError(f"{unknown[0]!r:.80} is unknown; known are {', '.join(names)}")
    return value


def listed(entry: Mapping[str, Any], name: str) -> list[Any] | None:
    """Return a list; None where nothing is said."""
    value = entry.get(name)
    if value is not None and not isinstance(value, list):
        raise ValueError(f"{name} is {_shown(value)}; it is a list: [ … ]")
    if any(one is None for one in value or ()):
        raise ValueError(f"{name}: an entry is missing: the list has one that says nothing")
    return value


def number(
    entry: Mapping[str, Any],
    name: str,
    default: float | None = None,
    *,
    least: float = -inf,
    above: float = -inf,
    most: float = MOST,
    below: float = inf,
) -> float:
    """Return a finite number within these bounds."""
    value = entry.get(name, default)
    wanted = f"a number{_bounds(least, above, most, below)}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {_shown(value)}; it is {wanted}, such as 0.001, without quotes")
    if not (_is_finite(value) and least <= value <= most and above < value < below):
        raise ValueError(f"{name} is {_shown(value)}; it is {wanted}")
    return float(value)


def whole(entry: Mapping[str, Any], name: str, default: int | None = None, *, least: int = 0) -> int:
    """Return a whole number, at least `least`."""
    value = entry.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST:
        raise ValueError(f"{name} is {_shown(value)}; it is a whole number{_bounds(least, -inf, MOST, inf)}")
    return value


def flag(entry: Mapping[str, Any], name: str) -> bool:
    """Return true or false; false where nothing is said."""
    value = entry.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {_shown(value)}; it is true or false, without quotes")
    return value


def text(entry: Mapping[str, Any], name: str) -> str:
    """Return a text; an empty one where nothing is said."""
    value = entry.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is {_shown(value)}; it is a text: write it in quotes")
    return value or ""


def named(entry: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return what something is called, such as a version: a text that is not empty; whole numbers count as such."""
    value = entry.get(name, default)
    if value == "" or not _is_text(value):
        raise ValueError(f"{name} is {_shown(value)}; it is a text that is not empty: write it in quotes")
    return str(value)


def texts(entry: Mapping[str, Any], name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return a list's texts; whole numbers count as such. A text alone is no list: its letters would be."""
    value = entry.get(name, default)
    if not isinstance(value, list | tuple):
        raise ValueError(f"{name} is {_shown(value)}; it is a list of texts: [ … ]")
    for one in value:
        if not _is_text(one):
            raise ValueError(f"{name}: {_shown(one)} is no text: write it in quotes")
    return tuple(str(one) for one in value)


def _is_text(value: object) -> bool:
    """Whether it is one, or a whole number that was meant as one, and that is not too long to be written out."""
    whole_number = isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64
    return whole_number or isinstance(value, str)


def _is_finite(value: float) -> bool:
    """Whether it is finite as a float: whole numbers may be larger than any."""
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _bounds(least: float, above: float, most: float, below: float) -> str:
    low = f" at least {least:g}" if least > -inf else f" above {above:g}" if above > -inf else ""
    high = f" below {below:g}" if below < inf else f" up to {most:g}" if most < inf else ""
    return f"{low}{' and' if low and high else ''}{high}"


def _shown(value: object) -> str:
    """Return it for a message: a document may hold what is too long or too deep to be written out."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 64 else "a number of far too many digits"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        return f"{value!r:.80}"
    return "a mapping" if isinstance(value, Mapping) else f"a {type(value).__name__}"
