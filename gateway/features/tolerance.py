"""What a deployment's views tolerate, laid over one plan: by group, because a group is what is asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.features.plan import Group, Plan
from gateway.features.view_rule import NO_RULE, ViewRule


class ToleranceError(ValueError):
    """Rules that cannot be kept; one line says which, and what to do."""


@dataclass(frozen=True, slots=True)
class GroupTolerance:
    """One group's share of it. Times are in seconds; 0 means not at all."""

    optional: bool
    """All its views may be left out, so that it need not be asked for."""
    cache: float
    """How long a reply serves the next reads: as long as the most impatient view allows, for one reply has them all."""
    last_known: tuple[float, ...]
    """By view, how old a reply may be to stand in."""

    @property
    def remembers(self) -> bool:
        """Whether replies are worth keeping."""
        return self.cache > 0 or any(self.last_known)


Tolerance = tuple[GroupTolerance, ...]


def tolerance_of(plan: Plan, rules: Mapping[str, ViewRule]) -> Tolerance | None:
    """Return what each of the plan's groups tolerates; None where no rule concerns it."""
    if not any(view.name in rules for view in plan.views):
        return None
    return tuple(_group_tolerance(group, rules) for group in plan.groups)


def check_rules(rules: Mapping[str, ViewRule], plans: Iterable[Plan]) -> None:
    """Raise ToleranceError for a rule of a view that no plan reads, and for an optional view that has no defaults."""
    views = {view.name: view for plan in plans for view in plan.views}
    for name, rule in rules.items():
        if name not in views:
            raise ToleranceError(f"views: no plan reads {name!r}; they read {', '.join(sorted(views)) or 'none'}")
        without = [feature.name for feature in views[name].features if feature.default is None]
        if rule.optional and without:
            raise ToleranceError(f"views: {name} cannot be optional while {without[0]} has no default: give it one")


def _group_tolerance(group: Group, rules: Mapping[str, ViewRule]) -> GroupTolerance:
    own = [rules.get(view.name, NO_RULE) for view in group.views]
    return GroupTolerance(
        optional=all(rule.optional for rule in own),
        cache=min(rule.cache for rule in own),
        last_known=tuple(rule.last_known for rule in own),
    )
