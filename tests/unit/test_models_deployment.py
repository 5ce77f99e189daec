"""deployment.yaml as training reads it, and the three that ship."""

from pathlib import Path

import pytest

from models.credit import events as credit_events
from models.deployment import declared, read_deployment
from models.errors import DeploymentError
from models.pipeline import NAMES
from models.places import DATA

WHOLE = """
deployment: cards
unit: {entity: card}
request: [{name: amount, type: double, required: true}]
features: {defaults: {spent: 0}, refuse: [limit]}
model:
  data: [cards.parquet]
  objective: binary
  rounds: 10
  parameters: {}
  versions: {"1": {seed: 7}}
  features: [amount, spent]
  tolerance: 1.0e-5
  expect: {holdout: {auc: [0.5, 0.9]}}
"""
PROTECTED = {"SEX", "AGE", "MARRIAGE", "EDUCATION"}


def read(directory: Path, text: str) -> None:
    path = directory / "deployment.yaml"
    path.write_text(text, encoding="utf-8")
    read_deployment(path)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    read(tmp_path, WHOLE)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (WHOLE.replace("refuse: [limit]", "refuse: [spent]"), "spent.*which"),
        (WHOLE.replace("{seed: 7}", "{}"), "version 1 names no seed"),
        (WHOLE.replace("rounds: 10", ""), "rounds"),
        (WHOLE.replace("defaults: {spent: 0}", "defaults: [spent]"), "deployment.yaml"),
        (WHOLE.replace("1.0e-5", "[1"), "deployment.yaml"),
    ],
)
def test_what_training_cannot_work_with_is_refused(tmp_path: Path, wrong: str, complaint: str) -> None:
    with pytest.raises(DeploymentError, match=complaint):
        read(tmp_path, wrong)


@pytest.mark.parametrize("name", NAMES)
def test_what_ships_is_whole(name: str) -> None:
    deployment = declared(name)
    assert deployment.name == name
    assert deployment.training.expect
    assert all((DATA / file).is_file() for file in deployment.training.data)
    assert len(set(deployment.training.features)) == len(deployment.training.features)


def test_fraud_keeps_twenty_stored_features_and_no_ids() -> None:
    deployment = declared("fraud")
    assert len(deployment.defaults) >= 20
    assert not {"card_id", "store_id"} & set(deployment.training.features)


def test_quotes_never_sees_what_only_the_end_of_a_trip_tells() -> None:
    ended = {"fare", "distance", "duration", "dropoff", "tip_amount", "payment_type", "trip_distance", "rate_code_id"}
    assert not ended & set(declared("quotes").training.features)


def test_credit_does_not_even_read_what_is_protected() -> None:
    assert not PROTECTED & set(credit_events.CLIENT_COLUMNS)
    assert not {name.lower() for name in PROTECTED} & set(declared("credit").training.features)
