"""Whose scores can be computed ahead: bundles that need nothing of a call but its entities, or what is declared."""

from dataclasses import dataclass

from gateway.errors import InvalidRequest
from gateway.features.plan import Plan
from gateway.intake import read_number
from gateway.precomputed import PrecomputedRule


class PrecomputedError(ValueError):
    """A deployment whose scores cannot be computed ahead; the message says why, and what can be done."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a plan's rows are matched with scores."""

    group: int
    """Whose key names all of a row's entities."""
    values: tuple[tuple[int, float], ...]
    """The request features that scores are computed for: their places in the plan, and what the model is given."""


def fit(rule: PrecomputedRule, plan: Plan) -> Fit:
    """Return how they match. Raises `PrecomputedError` where they do not."""
    required = {feature.name for feature in plan.request if feature.required}
    if missing := sorted(required - set(rule.values)):
        raise PrecomputedError(
            f"backend precomputed: the model needs {', '.join(missing)}, which only a call knows: give the value that "
            "scores are to be computed for under precomputed: values, or choose another backend"
        )
    if unknown := sorted(set(rule.values) - required):
        raise PrecomputedError(f"precomputed: values: no call must send {unknown[0]!r:.80}: leave it out")
    return Fit(_group(plan), _values(rule, plan))


def _group(plan: Plan) -> int:
    entities = {key.name for key in plan.entities}
    for place, group in enumerate(plan.groups):
        if {key.name for key in group.join_keys} == entities:
            return place
    raise PrecomputedError(
        f"backend precomputed: no feature view is about {', '.join(sorted(entities))} together, so nobody knows for "
        "whom to compute scores: choose another backend"
    )


def _values(rule: PrecomputedRule, plan: Plan) -> tuple[tuple[int, float], ...]:
    try:
        return tuple(
            (place, read_number(feature, rule.values[feature.name]))
            for place, feature in enumerate(plan.request)
            if feature.name in rule.values
        )
    except InvalidRequest as exc:
        raise PrecomputedError(f"precomputed: values: {exc}") from exc
