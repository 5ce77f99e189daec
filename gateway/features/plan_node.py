"""A place in `plan.json`, read strictly: every question names a key and a type, every refusal names the place."""

import json
import math
from pathlib import Path
from typing import Any, TypeVar

_REQUIRED = object()
Item = TypeVar("Item", str, bytes)


class PlanError(ValueError):
    """A plan that cannot be honoured to the letter: one line that says where, and what is wrong."""


class Node:
    """One JSON object and where it stands. Keys that nobody asks for are let be: `format` says what a plan means."""

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise PlanError(f"{place}: expected an object, got {_shown(value)}")
        self._value: dict[str, Any] = value
        self.place = place

    def text(self, key: str) -> str:
        """A string that is not empty."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise self.refusal(key, f"expected text, got {_shown(value)}")
        return value

    def choice(self, key: str, among: frozenset[str]) -> str:
        """One of these words."""
        value = self._get(key)
        if not isinstance(value, str) or value not in among:
            raise self.refusal(key, f"{_shown(value)} is not supported, only {', '.join(sorted(among))}")
        return value

    def digest(self, key: str, size: int) -> bytes:
        """`size` bytes in hex."""
        text = self.text(key)
        try:
            value = bytes.fromhex(text)
        except ValueError as exc:
            raise self.refusal(key, f"expected {size} bytes in hex, got {_shown(text)}") from exc
        if len(value) != size or len(text) != 2 * size:
            raise self.refusal(key, f"expected {size} bytes in hex, got {_shown(text)}")
        return value

    def exactly(self, key: str, wanted: int) -> None:
        """This number and no other."""
        value = self._get(key)
        if type(value) is not int or value != wanted:
            raise self.refusal(key, f"{_shown(value)} is not supported, only {wanted}")

    def number(self, key: str) -> float:
        """A finite number; true and false are none."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(_float(value)):
            raise self.refusal(key, f"expected a finite number, got {_shown(value)}")
        return float(value)

    def number_or_none(self, key: str, absent: object = _REQUIRED) -> float | None:
        """A finite number or null; with `absent=None` the key may be left out."""
        return None if self._get(key, absent) is None else self.number(key)

    def flag(self, key: str) -> bool:
        """true or false."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise self.refusal(key, f"expected true or false, got {_shown(value)}")
        return value

    def node(self, key: str) -> "Node | None":
        """An object, or None where null stands."""
        value = self._get(key)
        return None if value is None else Node(value, f"{self.place}.{key}")

    def nodes(self, key: str) -> list["Node"]:
        """A list of objects, each placed by its name where it has one."""
        return [Node(value, f"{self.place}.{key}[{_label(value, at)}]") for at, value in enumerate(self._list(key))]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of distinct strings."""
        values = self._list(key)
        if not all(isinstance(value, str) and value for value in values):
            raise self.refusal(key, "expected a list of names")
        return tuple(distinct(values, f"{self.place}.{key}"))

    def refusal(self, key: str, reason: str) -> PlanError:
        """What to raise for a key."""
        return PlanError(f"{self.place}.{key}: {reason}")

    def _get(self, key: str, absent: object = _REQUIRED) -> Any:
        value = self._value.get(key, absent)
        if value is _REQUIRED:
            raise PlanError(f"{self.place}: {key} is missing")
        return value

    def _list(self, key: str) -> list[Any]:
        value = self._get(key)
        if not isinstance(value, list):
            raise self.refusal(key, f"expected a list, got {_shown(value)}")
        return value


def read_document(path: Path) -> Node:
    """The whole file. Raises PlanError when it cannot be read or is no JSON; NaN and Infinity are none."""
    try:
        document = json.loads(path.read_bytes(), parse_constant=_no_constant)
    except OSError as exc:
        raise PlanError(f"{path.name}: {exc.strerror or exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise PlanError(f"{path.name}: not JSON: {exc}") from exc
    return Node(document, path.name)


def distinct(items: list[Item], place: str) -> list[Item]:
    """The items, or a refusal that names the first one that stands there twice."""
    seen = set()
    for item in items:
        if item in seen:
            raise PlanError(f"{place}: {item if isinstance(item, str) else item.hex()} stands there twice")
        seen.add(item)
    return items


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _label(value: Any, at: int) -> str:
    name = value.get("name") if isinstance(value, dict) else None
    return name if isinstance(name, str) and name.isprintable() else str(at)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _shown(value: Any) -> str:
    return f"{json.dumps(value):.60}"
