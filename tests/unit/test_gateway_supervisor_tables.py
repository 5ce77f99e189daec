"""What a start serves: what is declared, or the last table where that cannot be, or a refusal that says why."""

from pathlib import Path

import pytest

from gateway.config import ServeConfig
from gateway.deployment import DeploymentError
from gateway.supervisor.tables import Tables
from gateway.testing.bundles import write_bundle
from monitoring import metrics
from monitoring.exposition import read_totals
from monitoring.series import SeriesFile

DECLARATION = """
deployment: fraud
unit: {entity: card_id}
clock: CLOCK
budget_ms: 100
policy:
  version: "1"
  contract: {min: 0.0, max: 1.0}
  decide: {kind: thresholds, steps: [{below: 0.5, decision: approve}], otherwise: decline}
arms: {champion: "1"}
"""


class House:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "models" / "fraud" / "deployment.yaml"
        self.path.parent.mkdir(parents=True)
        self.declare()
        write_bundle(root / "bundles" / "fraud")

    def declare(self, text: str = DECLARATION, clock: str = "wall") -> None:
        self.path.write_text(text.replace("CLOCK", clock))

    def start(self, keep: bool = True, **offsets: float) -> Tables:
        root = self.root
        config = ServeConfig(models=root / "models", bundles=root / "bundles", state=root / "state", offsets=offsets)
        tables = Tables(config, SeriesFile(root / "metrics", "supervisor"))
        tables.begin()
        for served in tables.served() if keep else ():
            tables.keep(served)
        return tables

    def metric(self, metric: metrics.Metric) -> dict[str, float]:
        return {labels[0]: value for labels, (value,) in read_totals(self.root / "metrics")[metric.name].items()}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_numbers_go_on_over_restarts(house: House) -> None:
    assert house.start().numbers() == {"fraud": 1}
    assert house.start().numbers() == {"fraud": 1}
    house.declare(DECLARATION.replace("100", "90"))
    assert house.start().numbers() == {"fraud": 2}
    assert house.metric(metrics.TABLE) == {"fraud": 2.0}
    assert house.metric(metrics.DECLARATION_BROKEN) == {"fraud": 0.0}


def test_a_table_that_was_never_ready_is_not_kept(house: House) -> None:
    house.start(keep=False)
    house.declare("nonsense")
    with pytest.raises(DeploymentError):
        house.start()


@pytest.mark.parametrize("spoil", ["broken", "absent", "no bundle"])
def test_what_cannot_be_served_goes_on_as_it_was(house: House, spoil: str, caplog: pytest.LogCaptureFixture) -> None:
    house.start()
    if spoil == "broken":
        house.declare("deployment: [")
    elif spoil == "absent":
        house.path.unlink()
    else:
        house.declare(DECLARATION.replace('champion: "1"', 'champion: "5"'))
    tables = house.start()
    assert tables.numbers() == {"fraud": 1}
    assert tables.complaints["fraud"]
    assert "goes on as before" in caplog.text
    assert house.metric(metrics.DECLARATION_BROKEN) == {"fraud": 1.0}


def test_a_broken_one_without_a_past_is_a_refusal(house: House) -> None:
    house.declare("deployment: [")
    with pytest.raises(DeploymentError, match=r"fraud/deployment\.yaml"):
        house.start()


def test_a_broken_one_whose_past_has_no_bundles_is_a_refusal_that_says_both(house: House) -> None:
    house.start()
    house.declare("deployment: [")
    (house.root / "bundles" / "fraud" / "1" / "model.onnx").unlink()
    with pytest.raises(DeploymentError, match=r"and the last table cannot be served: .*model\.onnx"):
        house.start()


def test_what_is_left_over_from_another_life_is_let_go(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Neither declared nor on disk: another --models with the same state, and not a fault to stand still for."""
    house.start()
    other = house.root / "models" / "other" / "deployment.yaml"
    other.parent.mkdir()
    other.write_text(DECLARATION.replace("CLOCK", "wall").replace("fraud", "other"))
    write_bundle(house.root / "bundles" / "other", deployment="other")
    house.path.unlink()
    (house.root / "bundles" / "fraud" / "1" / "model.onnx").unlink()
    assert house.start().numbers() == {"other": 1}
    assert "a deployment is gone" in caplog.text


def test_nothing_at_all_is_a_refusal(house: House) -> None:
    house.path.unlink()
    with pytest.raises(DeploymentError, match=r"no <name>/deployment\.yaml here"):
        house.start()


def test_a_replay_clock_is_what_was_set_or_what_it_was(house: House) -> None:
    house.declare(clock="replay")
    with pytest.raises(DeploymentError, match="--replay-now"):
        house.start()
    assert house.start(fraud=7.0).current["fraud"].offset == 7.0
    assert house.start().current["fraud"].offset == 7.0
    assert house.start(fraud=9.0).current["fraud"].offset == 9.0
    assert house.start().numbers() == {"fraud": 1}


def test_a_full_disk_costs_the_memory_and_not_the_table(house: House, caplog: pytest.LogCaptureFixture) -> None:
    tables = house.start()
    (house.root / "state" / "tables" / "fraud.json").unlink()
    (house.root / "state" / "tables").rmdir()
    (house.root / "state" / "tables").write_text("in the way")
    tables.adopt(tables.current["fraud"].numbered(2))
    assert tables.numbers() == {"fraud": 2}
    assert "cannot be kept" in caplog.text
