"""What views tolerate, laid over a plan: by group, as impatient as its most impatient view."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.features.plan import Plan
from gateway.features.tolerance import GroupTolerance, ToleranceError, check_rules, tolerance_of
from gateway.features.view_rule import ViewRule
from gateway.testing.plans import small_plan

NOTHING = GroupTolerance(False, 0.0, (0.0,))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return small_plan(tmp_path)


def two_views(plan: Plan) -> Plan:
    """The same with a second view in the group of the store."""
    card, store = plan.groups
    other = replace(store.views[0], name="store_labels")
    return replace(plan, groups=(card, replace(store, views=(*store.views, other))))


def test_no_rule_is_no_tolerance(plan: Plan) -> None:
    assert tolerance_of(plan, {}) is None
    assert tolerance_of(plan, {"another": ViewRule(cache=1.0)}) is None


def test_a_rule_concerns_its_own_group(plan: Plan) -> None:
    tolerance = tolerance_of(plan, {"store_history": ViewRule(optional=True, cache=2.0, last_known=60.0)})
    assert tolerance == (NOTHING, GroupTolerance(True, 2.0, (60.0,)))
    assert [group.remembers for group in tolerance] == [False, True]


def test_a_group_is_as_impatient_as_its_most_impatient_view(plan: Plan) -> None:
    rules = {
        "store_history": ViewRule(optional=True, cache=2.0, last_known=60.0),
        "store_labels": ViewRule(cache=0.5, last_known=600.0),
    }
    assert tolerance_of(two_views(plan), rules) == (NOTHING, GroupTolerance(False, 0.5, (60.0, 600.0)))
    del rules["store_labels"]
    assert tolerance_of(two_views(plan), rules) == (NOTHING, GroupTolerance(False, 0.0, (60.0, 0.0)))


def test_rules_that_can_be_kept(plan: Plan) -> None:
    check_rules({"card_history": ViewRule(cache=1.0), "store_history": ViewRule(optional=True)}, [plan])


def test_a_rule_of_no_view_is_refused(plan: Plan) -> None:
    with pytest.raises(ToleranceError, match="no plan reads 'stores'; they read card_history, store_history"):
        check_rules({"stores": ViewRule(cache=1.0)}, [plan])


def test_an_optional_view_needs_defaults(plan: Plan) -> None:
    with pytest.raises(ToleranceError, match="card_history cannot be optional while card_limit has no default"):
        check_rules({"card_history": ViewRule(optional=True)}, [plan])
