"""A candidate's features are looked at in the store before it sees traffic: they must be what its plan says."""

from pathlib import Path

import pytest

from gateway.contract_check import ENOUGH, check_stored
from gateway.features.plan import Plan
from gateway.testing.fixed_features import FixedFeatures, StoredValue
from gateway.testing.plans import small_plan
from models.manifest import BundleError

NOW = 10_000.0
WHOLE: dict[str, StoredValue] = {"card_count": 1.0, "card_limit": 2.0, "store_count": 3.0}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return small_plan(tmp_path)


def filled(plan: Plan, rows: int, values: dict[str, StoredValue]) -> FixedFeatures:
    features = FixedFeatures()
    for number in range(rows):
        features.put(plan, {"card_id": number, "store_id": number}, values, NOW)
    return features


@pytest.mark.parametrize("rows", [1, ENOUGH, 3 * ENOUGH])
async def test_what_is_stored_as_planned_is_no_obstacle(plan: Plan, rows: int) -> None:
    await check_stored(filled(plan, rows, WHOLE), plan, NOW)


async def test_nulls_old_values_and_holes_are_no_obstacle(plan: Plan) -> None:
    features = filled(plan, ENOUGH, {**WHOLE, "card_count": None})
    features.put(plan, {"card_id": 0, "store_id": 0}, WHOLE, NOW - 1e6)
    await check_stored(features, plan, NOW)


async def test_a_feature_of_another_type_is_refused(plan: Plan) -> None:
    features = filled(plan, 3, WHOLE)
    features.put(plan, {"card_id": 1, "store_id": 1}, {"store_count": "three"}, NOW)
    with pytest.raises(BundleError, match="store_count is no double in 1 of 3 keys of store_id"):
        await check_stored(features, plan, NOW)


async def test_a_view_that_nobody_has_is_refused_when_enough_were_looked_at(plan: Plan) -> None:
    for rows in (ENOUGH - 1, ENOUGH):
        features = filled(plan, rows, {"card_count": 1.0})
        for number in range(rows):
            features._fields[plan.row_keys({"card_id": number, "store_id": number})[1], b"other"] = b""
        if rows < ENOUGH:
            await check_stored(features, plan, NOW)
            continue
        with pytest.raises(BundleError, match=f"none of {ENOUGH} keys of store_id has anything of view store_history"):
            await check_stored(features, plan, NOW)


async def test_an_empty_store_and_one_that_is_away_contradict_nobody(plan: Plan) -> None:
    await check_stored(FixedFeatures(), plan, NOW)
    features = filled(plan, ENOUGH, {"card_count": "x"})
    features.away = True
    await check_stored(features, plan, NOW)


async def test_one_entity_without_any_key_is_not_judged(plan: Plan) -> None:
    features = FixedFeatures()
    for number in range(ENOUGH):
        features.put(plan, {"card_id": number, "store_id": number}, {"card_count": 1.0, "card_limit": 1.0}, NOW)
    await check_stored(features, plan, NOW)
