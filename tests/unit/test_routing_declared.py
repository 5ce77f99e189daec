"""The `rollout` section: sane without a word, strict with every word."""

from datetime import date
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.declared import Declared, Measure, read_rollout
from routing.floors import FloorLimits
from routing.guard import ALPHA, Guard, Source
from routing.judge import Judge
from routing.proof import ProofWanted
from routing.schedule import Stage, Step
from routing.sources import Query, Sources, Webhook

FULL: dict[str, Any] = {
    "alpha": 0.02,
    "sticky_for_h": 2,
    "shadow": {"rate": 0.5, "pairs": 10, "minutes": 1},
    "pairs": {"rate": 0.25},
    "steps": [{"weight": 0.02, "units": 7, "minutes": 0.5}, {"weight": 0.5, "approval": True}],
    "held_back": [{"share": 0.2, "minutes": 2}],
    "promote": {"times": 3, "ceiling": 0.01},
    "guards": {
        "row_faults": {"tolerated": 2},
        "decisions": {"of": ["decline"], "dry_run": True},
        "tail": {"by": 0.5},
        "score_shift": {"more_than": 0.2, "at_most": 0.1},
    },
    "floors": {"broken_runs": 9, "span": 5},
}


def test_everything_has_a_default() -> None:
    declared = read_rollout({})
    assert [guard.name for guard in declared.rules.guards] == ["row_faults", "contract", "slower", "tail", "flaky"]
    assert [(step.stage, step.weight, step.approval) for step in declared.schedule.steps] == [
        (Stage.SHADOW, 0, False),
        (Stage.CANARY, 100, True),
        (Stage.CANARY, 500, False),
        (Stage.CANARY, 2_500, False),
        (Stage.WATCHED, 9_000, False),
        (Stage.WATCHED, 9_800, False),
    ]
    assert declared.schedule.steps[3].proof
    assert (declared.rules.alpha, declared.sticky_for, declared.shadow_rate) == (ALPHA, 86_400.0, 0.2)


def test_every_word_counts() -> None:
    declared = read_rollout(FULL)
    assert declared.rules.guards == (
        Guard("row_faults", Source.UNITS, 2.0),
        Guard("decisions", Source.DECISIONS, dry_run=True),
        Guard("tail", Source.TIMES),
        Guard("score_shift", Source.SHARES, at_most=0.1),
    )
    assert declared.measures == (
        Measure("row_faults"),
        Measure("decisions", decisions=("decline",)),
        Measure("tail", 0.5),
        Measure("score_shift", 0.2),
    )
    assert declared.schedule.steps == (
        Step(Stage.SHADOW, 0, 10, 60.0),
        Step(Stage.CANARY, 200, 7, 30.0),
        Step(Stage.CANARY, 5_000, approval=True, proof=True),
        Step(Stage.WATCHED, 8_000, least_seconds=120.0),
    )
    assert declared.rules.proof == ProofWanted(3.0, 0.01)
    assert (declared.shadow_rate, declared.pair_rate) == (0.5, 0.25)
    assert declared.rules.floors == FloorLimits(span=5.0, broken_runs=9)
    assert (declared.rules.alpha, declared.sticky_for, declared.shadow_rate) == (0.02, 7_200.0, 0.5)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"guard": {}}, "rollout: 'guard' is unknown"),
        ({"guards": {"speed": {}}}, "guards: 'speed' is unknown; known are row_faults"),
        ({"guards": {"row_faults": {"at_most": 1}}}, "guards: row_faults: 'at_most' is unknown"),
        ({"guards": {"slower": {}}}, "no guard looks at units"),
        ({"guards": {"row_faults": {}, "decisions": {}}}, "say which are counted"),
        ({"guards": {"row_faults": {}, "slower": {"by": 0}}}, "guards: slower: by is 0; it is a number above 0"),
        (
            {"guards": {"row_faults": {"tolerated": 0.5}}},
            "guards: row_faults: tolerated is 0.5; it is a number at least 1",
        ),
        ({"guards": {"row_faults": {}, "flips": {"at_most": 1.5}}}, "at_most is 1.5"),
        ({"shadow": {"rate": 0}}, "rate is 0"),
        ({"shadow": {"share": 0.1}}, "shadow: 'share' is unknown"),
        ({"steps": [{"weight": 0.5}, {"weight": 0.1}]}, "must rise"),
        ({"steps": [{"weight": 0.5, "seconds": 1}]}, "steps: 'seconds' is unknown"),
        ({"held_back": [{"share": 0.1, "hours": 1}]}, "held_back: 'hours' is unknown"),
        ({"promote": {"at": 1}}, "promote: 'at' is unknown"),
        ({"floors": {"runs": 1}}, "floors: 'runs' is unknown"),
        ({"sticky_for_h": -1}, "sticky_for_h is -1"),
        ({"freeze": [{"from": "9"}]}, "freeze: .9. is no time of day"),
        ({"guards": {}}, "no guard looks at units.*add row_faults or contract"),
        ({"guards": {"row_faults": {"tolerated": nan}}}, "guards: row_faults: tolerated is nan; it is a number"),
        ({"guards": {"row_faults": {"tolerated": inf}}}, "guards: row_faults: tolerated is inf; it is a number"),
        ({"guards": {"row_faults": {"dry_run": "false"}}}, "guards: row_faults: dry_run is 'false'; it is true or"),
        ({"guards": {"row_faults": {}, "decisions": {"of": "decline"}}}, "decisions: of is 'decline'; it is a list"),
        ({"guards": ["row_faults"]}, "rollout: guards: it is a list; it has entries"),
        ({"alpha": 0}, "rollout: alpha is 0; it is a number above 0 and below 1"),
        ({"alpha": 1}, "rollout: alpha is 1; it is a number above 0 and below 1"),
        ({"alpha": 1e-300}, "rollout: alpha is 1e-300; it lies above 0"),
        ({"alpha": "1e-3"}, "rollout: alpha is '1e-3'; it is a number .* without quotes"),
        ({"alpha": True}, "rollout: alpha is true; it is a number"),
        ({"alpha": 10**400}, "rollout: alpha is a number of far too many digits"),
        ({"alpha": None}, "rollout: alpha is missing"),
        ({"sticky_for_h": 0.01}, "sticky_for_h is 0.01; it is a number of hours, at least 0.1"),
        ({"shadow": {"pairs": inf}}, "rollout: shadow: pairs is inf; it is a whole number"),
        ({"shadow": {"pairs": 0.5}}, "rollout: shadow: pairs is 0.5; it is a whole number"),
        ({"shadow": 3}, "rollout: shadow: it is 3; it has entries"),
        ({"shadow": {1: 3}}, "rollout: shadow: 1 is no name"),
        ({"steps": [{"weight": 0.5, "minutes": nan}]}, "rollout: steps: minutes is nan; it is a number"),
        ({"steps": [{"weight": 0.5, "minutes": -1}]}, "rollout: steps: minutes is -1; it is a number at least 0"),
        ({"steps": [{"weight": 0.5, "approval": 1}]}, "rollout: steps: approval is 1; it is true or false"),
        ({"steps": [{"units": 5}]}, "rollout: steps: weight is missing"),
        ({"steps": {"weight": 0.5}}, "rollout: steps is a mapping; it is a list"),
        ({"steps": []}, "a rollout goes through shadow, canary and watched"),
        ({"held_back": [{"share": 0.1}]}, "rollout: held_back: minutes is missing"),
        ({"promote": {"times": 1}}, "rollout: promote: times is 1; it lies above 1"),
        ({"promote": {"cover_h": 2.5}}, "rollout: promote: cover_h is 2.5; it is a whole number"),
        ({"floors": {"host_deaths": 0}}, "rollout: floors: host_deaths is 0; it is at least 1"),
        ({"floors": {"broken_runs": -1}}, "rollout: floors: broken_runs is -1"),
        ({"floors": {"broken_share": nan}}, "rollout: floors: broken_share is nan"),
        ({"floors": {"broken_share": 0}}, "rollout: floors: broken_share is 0; it lies above 0"),
        ({"floors": {"span": 0}}, "rollout: floors: span is 0; it is a number of seconds above 0"),
        ({"pins": {"canary": "our-test-card"}}, "rollout: pins: canary is 'our-test-card'; it is a list"),
        ({"pins": {"canary": [True]}}, "rollout: pins: canary: true is no text: write it in quotes"),
        ({"freeze": [{"days": "fri"}]}, "rollout: freeze: days is 'fri'; it is a list"),
        ({"freeze": [None]}, "rollout: freeze: an entry is missing"),
        ({"freeze": {"days": ["fri"]}}, "rollout: freeze is a mapping; it is a list"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(wrong: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        read_rollout(wrong)


def test_sources_outside_are_read_word_by_word() -> None:
    declared = read_rollout(
        {
            "prometheus": "http://prometheus:9090",
            "queries": {"errors": {"promql": "x", "above": 0.02, "for_s": 60, "every_s": 5, "dry_run": True}},
            "webhooks": {"money": {"url": "https://risk/"}},
        }
    )
    assert declared.sources == Sources(
        (Query("errors", 5.0, 60.0, True, "x", 0.02),),
        (Webhook("money", url="https://risk/"),),
        "http://prometheus:9090",
    )
    assert read_rollout({}).sources == Sources()


@pytest.mark.parametrize(
    ("section", "match"),
    [
        ({"queries": {"q": {"above": 1}}}, "q: promql is missing"),
        ({"queries": {"q": {"promql": "x"}}}, "q: say what is a breach: above, below, or both"),
        ({"queries": {"q": {"promql": "x", "above": 1, "for": 3}}}, "queries: q: 'for' is unknown"),
        ({"queries": {"q": {"promql": "x", "above": 1, "every_s": 0.1}}}, "every_s is 0.1"),
        ({"queries": {"q": {"promql": "x", "above": 1, "for_s": -1}}}, "for_s is -1"),
        ({"queries": {"slower": {"promql": "x", "above": 1}}}, "'slower' is a guard and a source"),
        ({"webhooks": {"w": {"url": "risk:80"}}}, "w: url is 'risk:80'"),
        ({"webhooks": {"w": {"above": 3}}}, "webhooks: w: 'above' is unknown"),
        ({"prometheus": "prometheus:9090"}, "prometheus is 'prometheus:9090'"),
        ({"prometheus": 9090}, "rollout: prometheus is 9090; it is a text"),
        ({"queries": {"q": {"promql": ["x"], "above": 1}}}, "queries: q: promql is a list; it is a text"),
        ({"queries": {"q": {"promql": "x", "above": nan}}}, "queries: q: above is nan; it is a number"),
        ({"queries": {"q": {"promql": "x", "above": 1, "every_s": inf}}}, "queries: q: every_s is inf"),
        ({"webhooks": {"w": {"url": "http://x", "for_s": nan}}}, "webhooks: w: for_s is nan"),
        ({"webhooks": {"w": {"url": "http://x", "dry_run": "no"}}}, "webhooks: w: dry_run is 'no'"),
    ],
)
def test_sources_that_cannot_be(section: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        read_rollout(section)


EVERY_WORD: dict[str, Any] = {
    **FULL,
    "promote": {"times": 2.0, "ceiling": 0.005, "alpha": 0.05, "cover_h": 24, "cover_units": 20},
    "floors": {
        "span": 10.0,
        "broken_runs": 5,
        "broken_share": 0.9,
        "champion_runs": 100,
        "host_deaths": 1,
        "golden_wrong": 1,
        "constant_rows": 200,
    },
    "pins": {"canary": ["a"], "champion": ["b*"]},
    "freeze": [{"days": ["fri"], "from": "16:00", "to": "24:00"}],
    "prometheus": "http://prometheus:9090",
    "queries": {"q": {"promql": "x", "above": 0.02, "below": -1, "for_s": 60, "every_s": 15, "dry_run": False}},
    "webhooks": {"w": {"url": "http://x", "every_s": 30, "for_s": 0, "dry_run": True}},
}
Path = tuple[str | int, ...]


def places(node: Any, at: Path = ()) -> list[Path]:
    """Where something stands."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [at, *(place for key, value in inner for place in places(value, (*at, key)))]


def replaced(node: Any, at: Path, value: Any) -> Any:
    """The document with something else in this place."""
    if not at:
        return value
    new = dict(node) if isinstance(node, dict) else list(node)
    new[at[0]] = replaced(node[at[0]], at[1:], value)
    return new


WORDS = st.sampled_from(["canary", "row_faults", "slower", "weight", "share", "minutes", "of", "no", "1e-3", "fri"])
HUGE = st.sampled_from([10**400, -(10**400), 5e-324, 1.7e308, -0.0, inf, -inf, nan])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | HUGE | WORDS | st.text() | st.just(date(2020, 1, 1))
NAMES = WORDS | st.text() | st.integers() | st.booleans() | st.none()
DOCUMENTS = st.recursive(
    SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(NAMES, one, max_size=3), max_leaves=8
)


def check(document: Any) -> None:
    """Either it is refused with its place, or a judge can be held to it."""
    read = read_or_refused(document)
    if isinstance(read, Declared):
        Judge(read.rules, 0.0).verdict(0, read.schedule.steps[0], 0.0, 1.0)
    else:
        assert read.startswith("rollout: ")


def read_or_refused(document: Any) -> Declared | str:
    """What was read, or why it was refused."""
    try:
        return read_rollout(document)
    except ValueError as exc:
        return str(exc)


@given(st.lists(st.tuples(st.sampled_from(places(EVERY_WORD)), DOCUMENTS), min_size=1, max_size=2))
def test_whatever_is_written_is_a_declaration_or_a_mistake_with_its_place(changes: list[tuple[Path, Any]]) -> None:
    document: Any = EVERY_WORD
    for at, value in sorted(changes, key=lambda change: len(change[0]), reverse=True):
        document = replaced(document, at, value)
    check(document)


WRONG: list[Any] = [nan, inf, -inf, 10**5_000, "false", "x", True, [1], ["x"], {"a": 1}, {1: 2}, 0, -1, 0.5]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_nothing_of_a_wrong_kind_escapes_in_any_place(number: int) -> None:
    for at in places(EVERY_WORD):
        check(replaced(EVERY_WORD, at, WRONG[number]))


def test_a_document_that_is_deeper_than_python_goes_is_a_mistake() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for at in places(EVERY_WORD):
        check(replaced(EVERY_WORD, at, deep))
