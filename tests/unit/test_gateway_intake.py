"""The intake: good calls become rows, bad ones get one clear line."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.call import Call, Priority, Scalar
from gateway.deployment import UnitRule
from gateway.errors import InvalidRequest
from gateway.features.plan import Plan, RequestFeature
from gateway.intake import Intake, read_number
from gateway.testing.plans import small_plan

NOW = 1_500.0
GOOD_ENTITIES: dict[str, Scalar] = {"card_id": 7, "store_id": 9}
GOOD_FEATURES: dict[str, Scalar] = {"amount": 12.5, "customer_present": True}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return small_plan(tmp_path)


@pytest.fixture
def intake(plan: Plan) -> Intake:
    return Intake(plan, UnitRule("entity", "card_id"), lambda: NOW)


def call(
    entities: Mapping[str, Scalar] = GOOD_ENTITIES, features: Mapping[str, Scalar] = GOOD_FEATURES, unit: str = ""
) -> Call:
    return Call("fraud", entities, features, unit, 0.0, math.inf, "id", Priority.DEFAULT, "", lambda result: None)


def test_a_good_call_becomes_a_row(intake: Intake, plan: Plan) -> None:
    row = intake.read(call())
    assert row.unit == "7"
    assert row.keys == plan.row_keys(GOOD_ENTITIES)
    assert row.request == [12.5, 1.0, NOW, 7.0, 9.0]
    assert row.overrides is None


def test_integer_ids_may_come_as_digits(intake: Intake) -> None:
    row, same = intake.read(call({"card_id": "7", "store_id": "9"})), intake.read(call())
    assert (row.unit, row.keys, row.request) == (same.unit, same.keys, same.request)


def test_every_spelling_of_an_id_is_the_same_unit(intake: Intake) -> None:
    units = {intake.read(call({"card_id": spelling, "store_id": 9})).unit for spelling in (7, "7", "007")}
    assert units == {"7"}


@pytest.mark.parametrize("spelling", [" 7", "+7", "7.0", "seven", "", "٧"])
def test_what_is_not_digits_is_no_id(intake: Intake, spelling: str) -> None:
    with pytest.raises(InvalidRequest, match="card_id"):
        intake.read(call({"card_id": spelling, "store_id": 9}))


def test_the_callers_time_stands_in_for_the_clock(intake: Intake) -> None:
    for time in (100, 100.0, "1970-01-01T00:01:40Z", "1970-01-01T00:01:40"):
        assert intake.read(call(features={**GOOD_FEATURES, "time": time})).request[2] == 100.0


def test_a_stored_feature_may_be_overridden(intake: Intake) -> None:
    assert intake.read(call(features={**GOOD_FEATURES, "card_count": 3})).overrides == {"card_count": 3.0}


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ({}, "wants the entities card_id \\(int64\\), store_id \\(int64\\); got none"),
        ({"card_id": 7}, "store_id"),
        ({"card_id": 7, "store_id": 9, "moon": 1}, "moon"),
        ({"card_id": "x", "store_id": 9}, "card_id"),
        ({"card_id": True, "store_id": 9}, "card_id"),
        ({"card_id": 7.5, "store_id": 9}, "card_id"),
        ({"card_id": 2**63, "store_id": 9}, "card_id"),
    ],
)
def test_bad_entities(intake: Intake, entities: dict[str, Scalar], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        intake.read(call(entities))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"customer_present": True}, "amount \\(double\\) is missing"),
        ({**GOOD_FEATURES, "moon": 1}, "knows no feature 'moon'"),
        ({**GOOD_FEATURES, "amount": "12"}, "amount must be double, got str"),
        ({**GOOD_FEATURES, "amount": True}, "amount must be double, got bool"),
        ({**GOOD_FEATURES, "amount": math.nan}, "amount must be finite"),
        ({**GOOD_FEATURES, "amount": math.inf}, "amount must be finite"),
        ({**GOOD_FEATURES, "amount": -1}, "amount must be at least 0"),
        ({**GOOD_FEATURES, "amount": 1e10}, "amount must be at most 1e\\+09"),
        ({**GOOD_FEATURES, "customer_present": 1}, "customer_present must be bool"),
        ({**GOOD_FEATURES, "time": "yesterday"}, "unix seconds or ISO 8601"),
        ({**GOOD_FEATURES, "time": 1e39}, "too large for a model of float32"),
        ({**GOOD_FEATURES, "time": 10**400}, "too large"),
        ({**GOOD_FEATURES, "card_count": "many"}, "card_count must be double"),
        ({**GOOD_FEATURES, "card_count": math.nan}, "card_count must be finite"),
    ],
)
def test_bad_features(intake: Intake, features: dict[str, Scalar], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        intake.read(call(features=features))


def test_a_unit_of_the_request_must_be_sent(plan: Plan) -> None:
    intake = Intake(plan, UnitRule("request", "session_id"), lambda: NOW)
    assert intake.read(call(unit="s-1")).unit == "s-1"
    with pytest.raises(InvalidRequest, match="send its session_id as `unit`"):
        intake.read(call())
    with pytest.raises(InvalidRequest, match="session_id is no feature of fraud, it is the unit: send it as `unit`"):
        intake.read(call(features={**GOOD_FEATURES, "session_id": "s-1"}))


def test_a_unit_that_contradicts_the_entity_is_refused(intake: Intake) -> None:
    assert intake.read(call(unit="7")).unit == "7"
    with pytest.raises(InvalidRequest, match="is its entity card_id"):
        intake.read(call(unit="8"))


@pytest.mark.parametrize(("value", "good"), [(3, True), (3.0, True), (3.5, False), ("3", False)])
def test_integer_features_take_whole_numbers(value: Scalar, good: bool) -> None:
    feature = RequestFeature("passengers", "int64", required=True)
    if good:
        assert read_number(feature, value) == 3.0
    else:
        with pytest.raises(InvalidRequest, match="passengers must be int64"):
            read_number(feature, value)
