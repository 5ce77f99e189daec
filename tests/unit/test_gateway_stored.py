"""Stored features as the line gets them: what a deployment's view rules make of a store that is slow or away."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from gateway.call import Call, FeatureStatus, Priority
from gateway.errors import FeaturesUnavailable
from gateway.features.plan import Plan
from gateway.features.view_rule import ViewRule
from gateway.intake import Row
from gateway.meters import Meters
from gateway.stored import StoredReader, refusal_of
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.manual_clock import ManualClock
from gateway.testing.plans import small_plan
from monitoring.exposition import WorkersCollector
from monitoring.series import SeriesFile

EVENT_NOW = 10_000.0
LATE, LAST_KNOWN = FeatureStatus.LATE, FeatureStatus.LAST_KNOWN


@dataclass
class House:
    """A reader with rules over a store in memory that knows card 1."""

    features: FixedFeatures
    clock: ManualClock
    plan: Plan
    stored: StoredReader
    registry: CollectorRegistry

    def row(self, card: int = 1, overrides: dict[str, float] | None = None) -> Row:
        entities = {"card_id": card, "store_id": 9}
        call = Call("fraud", entities, {}, "", 0.0, 1.0, "r", Priority.DEFAULT, "", lambda _: None)
        return Row(call, str(card), self.plan.row_keys(entities), [], overrides)

    def counted(self, outcome: str) -> float | None:
        labels = {"deployment": "fraud", "outcome": outcome}
        return self.registry.get_sample_value("sluice_feature_keys_total", labels)


def build(directory: Path, views: Mapping[str, ViewRule]) -> House:
    plan, clock = small_plan(directory), ManualClock(100.0)
    features = FixedFeatures(clock)
    values = {"card_count": 1.0, "card_limit": 2.0, "store_count": 3.0}
    features.put(plan, {"card_id": 1, "store_id": 9}, values, EVENT_NOW - 10)
    names = [feature.name for feature in plan.stored]
    meters = Meters(SeriesFile(directory / "metrics", 0), "fraud", ["approve"], names)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkersCollector(directory / "metrics"))
    return House(features, clock, plan, StoredReader(features, plan, meters, clock, lambda: EVENT_NOW, views), registry)


async def test_without_rules_nothing_is_remembered(tmp_path: Path) -> None:
    house = build(tmp_path, {})
    await house.stored.read(house.plan, [house.row()], 0.05)
    house.features.away = True
    stored = await house.stored.read(house.plan, [house.row()], 0.05)
    assert set(stored.odd[0].statuses.values()) == {LATE}
    assert isinstance(refusal_of(stored.unreadable()[0]), FeaturesUnavailable)
    assert house.counted("read") == 0


async def test_a_last_known_value_is_used_and_degrades_the_answer(tmp_path: Path) -> None:
    house = build(tmp_path, {"card_history": ViewRule(last_known=60.0)})
    await house.stored.read(house.plan, [house.row()], 0.05)
    house.features.away = True
    stored = await house.stored.read(house.plan, [house.row(), house.row(2)], 0.05)
    assert stored.values.tolist() == [[1, 2, 5], [0, 0, 5]]
    assert list(stored.unreadable()) == [1], "card 2 was never read, and its limit takes no default"
    assert stored.odd[0].statuses == {"card_count": LAST_KNOWN, "card_limit": LAST_KNOWN, "store_count": LATE}
    assert stored.odd[0].reasons == ("features_late", "features_last_known")
    assert (house.counted("read"), house.counted("last_known"), house.counted("late")) == (2, 1, 2)
    labels = {"deployment": "fraud", "feature": "card_limit", "status": "last_known"}
    assert house.registry.get_sample_value("sluice_features_not_fresh_total", labels) == 1


async def test_a_callers_own_value_goes_before_a_last_known_one(tmp_path: Path) -> None:
    house = build(tmp_path, {"card_history": ViewRule(last_known=60.0), "store_history": ViewRule(last_known=60.0)})
    await house.stored.read(house.plan, [house.row()], 0.05)
    house.features.away = True
    stored = await house.stored.read(house.plan, [house.row(overrides={"card_limit": 9.0})], 0.05)
    assert stored.values.tolist() == [[1, 9, 3]]
    assert stored.odd[0].statuses == {"card_count": LAST_KNOWN, "store_count": LAST_KNOWN}


async def test_cached_keys_are_counted_as_hits(tmp_path: Path) -> None:
    house = build(tmp_path, {"card_history": ViewRule(cache=5.0), "store_history": ViewRule(cache=5.0)})
    for _ in range(3):
        await house.stored.read(house.plan, [house.row(), house.row()], 0.05)
    assert len(house.features.asked) == 2
    assert (house.counted("read"), house.counted("hit")) == (2, 4)


@pytest.mark.parametrize(("timeout", "skipped"), [(0.02, 1), (0.08, 0)])
async def test_the_lists_own_time_decides_what_is_left_out(tmp_path: Path, timeout: float, skipped: int) -> None:  # noqa: ASYNC109  # of the list
    house = build(tmp_path, {"store_history": ViewRule(optional=True)})
    house.features.read_time.observe(0.05, house.clock())
    await house.stored.read(house.plan, [house.row()], timeout)
    assert house.counted("skipped") == skipped
