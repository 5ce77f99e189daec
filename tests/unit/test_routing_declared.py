"""The `rollout` section: sane without a word, strict with every word."""

from typing import Any

import pytest

from routing.declared import Measure, read_rollout
from routing.floors import FloorLimits
from routing.guard import ALPHA, Guard, Source
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
        Guard("tail", Source.PAIRS),
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
        ({"guards": {"row_faults": {}, "slower": {"by": 0}}}, "the margin is 0"),
        ({"guards": {"row_faults": {"tolerated": 0.5}}}, "a ratio of 1 is being alike"),
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
    ],
)
def test_sources_that_cannot_be(section: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        read_rollout(section)
