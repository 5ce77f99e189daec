"""Reading `deployment.yaml`: what is served is what is declared, and every mistake is one clear line."""

from pathlib import Path

import pytest

from gateway.deployment import DeploymentError, UnitRule, read_deployment
from gateway.features.view_rule import ViewRule
from routing.declared import read_rollout
from routing.table import Canary, Shadow

GOOD = """
deployment: fraud
unit: {entity: card_id}
clock: replay
budget_ms: 100
policy:
  version: "3"
  contract: {min: 0.0, max: 1.0}
  decide: {kind: thresholds, steps: [{below: 0.5, decision: approve}], otherwise: decline}
arms:
  champion: "1"
  canary: {version: "2", weight: 0.05}
  shadows: [{version: "2", rate: 0.25}]
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "deployment.yaml"
    path.write_text(text)
    return path


def test_a_good_file(tmp_path: Path) -> None:
    deployment = read_deployment(write(tmp_path, GOOD))
    assert deployment.name == "fraud"
    assert deployment.unit == UnitRule("entity", "card_id")
    assert deployment.budget == 0.1
    assert deployment.policy.version == "3"
    assert deployment.table.canary == Canary("2", 500)
    assert deployment.table.shadows == (Shadow("2", 0.25),)
    assert deployment.table.salt == b"fraud"


def test_what_gives_way_under_strain(tmp_path: Path) -> None:
    text = GOOD + '  fallback: "0"\nshare: 0.5\nrecords: {share: 0.25}\n'
    text += "views:\n  card_state: {optional: true, cache_ms: 250, last_known_s: 600}\n"
    deployment = read_deployment(write(tmp_path, text))
    assert deployment.table.fallback == "0"
    assert deployment.share == 0.5
    assert deployment.record_share == 0.25
    assert deployment.views == {"card_state": ViewRule(optional=True, cache=0.25, last_known=600.0)}


def test_nothing_gives_way_unless_declared(tmp_path: Path) -> None:
    deployment = read_deployment(write(tmp_path, GOOD))
    assert (deployment.table.fallback, deployment.share, deployment.record_share) == (None, 1.0, 0.0)
    assert deployment.views == {}


def test_how_rollouts_go_is_declared_too(tmp_path: Path) -> None:
    assert read_deployment(write(tmp_path, GOOD)).rollout == read_rollout({})
    declared = read_deployment(write(tmp_path, GOOD + "rollout: {sticky_for_h: 2}\n")).rollout
    assert declared == read_rollout({"sticky_for_h": 2})
    plain, other = (read_deployment(write(tmp_path, GOOD + more)) for more in ("", "rollout: {sticky_for_h: 2}\n"))
    assert plain.rollout_digest != other.rollout_digest
    assert plain.policy_digest == other.policy_digest


def test_the_policys_digest_is_of_what_it_says_and_not_of_how(tmp_path: Path) -> None:
    digest = read_deployment(write(tmp_path, GOOD)).policy_digest
    assert digest == "2b71732df08b00d39187b3b84e2e65ce17159580e50b6508abf7ac1955ca909a"
    other_layout = GOOD.replace("contract: {min: 0.0, max: 1.0}", "contract:\n    max: 1.0\n    min: 0.0")
    assert read_deployment(write(tmp_path, other_layout)).policy_digest == digest
    assert read_deployment(write(tmp_path, GOOD.replace("below: 0.5", "below: 0.51"))).policy_digest != digest


def test_arms_may_be_the_champion_alone(tmp_path: Path) -> None:
    text = GOOD.split("  canary:")[0]
    table = read_deployment(write(tmp_path, text)).table
    assert table.canary is None
    assert table.shadows == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clock: replay", "clock: sundial", "clock is 'sundial'"),
        ("clock: replay", "", "'clock' is missing"),
        ("budget_ms: 100", "budget_ms: 0", "budget_ms is 0"),
        ("budget_ms: 100", "budget_ms: soon", "budget_ms is 'soon'; it is a number above 0 and up to 60000"),
        ("budget_ms: 100", "budget_ms: '100'", "budget_ms is '100'; it is a number .*, without quotes"),
        ("budget_ms: 100", "budget_ms: .nan", "budget_ms is nan"),
        ("budget_ms: 100", "budget_ms: yes", "budget_ms is true"),
        ("unit: {entity: card_id}", "unit: {cookie: x}", "unit: 'cookie' is unknown"),
        ("unit: {entity: card_id}", "unit: card_id", "unit"),
        ("weight: 0.05", "weight: 1.3", "arms: canary: weight is 1.3"),
        ('champion: "1"', 'champion: "2"', "champion and canary"),
        ("kind: thresholds", "kind: dice", "policy: decide: kind is 'dice'"),
        ("arms:", "arms: [", "while parsing"),
        ("clock: replay", "clock: replay\nrollout: {freeze: [{days: [friday]}]}", "days are friday"),
        ("clock: replay", "clock: replay\nrollout: {shadow: {pairs: .inf}}", "rollout: shadow: pairs is inf"),
        ("clock: replay", "clock: replay\nrollout: []", "rollout: it is a list"),
        (
            "clock: replay",
            "clock: replay\nrollout: {guards: {row_faults: {}, decisions: {of: [declined]}}}",
            "guards: decisions: of: the policy never decides 'declined'; it decides approve, ",
        ),
        ("budget_ms: 100", f"budget_ms: 1{'0' * 400}", "a number of far too many digits"),
        ("budget_ms: 100", f"budget_ms: {'[' * 1_000}{']' * 1_000}", "recursion"),
        ("budget_ms: 100", 'budget_ms: !!int ""', "index out of range"),
        ("budget_ms: 100", "budget_ms: &a [*a]", "budget_ms|float"),
        ('champion: "1"', "champion: 1.10", "arms: champion is 1.1; it is a text .*: write it in quotes"),
        ('champion: "1"', "champion: yes", "arms: champion is true"),
        ('champion: "1"', 'champions: "1"', "arms: 'champions' is unknown; known are champion, canary"),
        ("weight: 0.05", "weight: '0.05'", "arms: canary: weight is '0.05'; it is a number"),
        ("weight: 0.05", "wait: 0.05", "arms: canary: 'wait' is unknown"),
        ("rate: 0.25", "rate: yes", "arms: shadows: rate is true"),
        ("rate: 0.25", "", "arms: shadows: rate is missing"),
        ('[{version: "2", rate: 0.25}]', '{version: "2", rate: 0.25}', "arms: shadows is a mapping; it is a list"),
        ("unit: {entity: card_id}", "unit: {entity: 1.5}", "unit: entity is 1.5; it is a text"),
        ("unit: {entity: card_id}", "unit: {entity: a, request: b}", "unit: it is {entity: NAME} or {request: NAME}"),
        ("clock: replay", "clock: [replay]", "clock is"),
        (
            "clock: replay",
            'clock: replay\nviews: {a: {optional: "false"}}',
            "views: a: optional is 'false'; it is true",
        ),
        ("clock: replay", "clock: replay\nviews: {a: {cache_ms: .nan}}", "views: a: cache_ms is nan"),
        ("clock: replay", "clock: replay\nviews: [a]", "views: it is a list"),
        ("clock: replay", "clock: replay\nrecords: {share: '1.0'}", "records: share is '1.0'; it is a number"),
        ("clock: replay", "clock: replay\nshare: 0", "share is 0"),
        ("clock: replay", "clock: replay\nrecords: {share: 2}", "records: share is 2"),
        ("clock: replay", "clock: replay\nviews: {a: {ttl: 2}}", "'ttl' is unknown"),
        ("clock: replay", "clock: replay\nviews: {a: {cache_ms: -1}}", "cache_ms is -1"),
        ("clock: replay", "clock: replay\nviews: {a: {last_known_s: -1}}", "last_known_s is -1"),
    ],
)
def test_mistakes_name_the_file_and_the_mistake(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(DeploymentError, match=message) as caught:
        read_deployment(path)
    assert str(path) in str(caught.value)


def test_a_version_may_be_a_whole_number(tmp_path: Path) -> None:
    text = GOOD.replace('champion: "1"', "champion: 1")
    assert read_deployment(write(tmp_path, text)).table == read_deployment(write(tmp_path, GOOD)).table


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="No such file"):
        read_deployment(tmp_path / "deployment.yaml")


@pytest.mark.parametrize("name", ["fraud", "quotes", "credit"])
def test_the_committed_deployments_can_be_read(name: str) -> None:
    path = Path(__file__).parents[2] / "models" / name / "deployment.yaml"
    assert read_deployment(path).name == name
