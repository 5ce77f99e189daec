"""Rules that come in an order, as the YAML text of a `rollout` section: from people, not from a file of ours."""

from typing import Any

import yaml

from routing.control.signed import NoOrder
from routing.declared import read_rollout
from routing.judge import Rules

_MOST_OPENED = 200
"""Brackets and braces: PyYAML's time grows with the square of what is open at once (5,000 take it 17 s)."""


def read_rules(text: str) -> Rules:
    """Read a `rollout` section, or a document that has one. Raises `NoOrder`. It may take a second: use a thread."""
    if text.count("[") + text.count("{") > _MOST_OPENED:
        raise NoOrder(f"rules: no more than {_MOST_OPENED} brackets and braces: write it in lines")
    try:
        # References could make of a few lines more than memory holds.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise NoOrder("rules: write it without YAML references (*name)")
        document: Any = yaml.safe_load(text)
        return read_rollout(document.get("rollout", document)).rules
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, LookupError, ArithmeticError, RecursionError) as exc:
        raise NoOrder(f"rules: {' '.join(str(exc).split())}") from exc
