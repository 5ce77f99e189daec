"""The battery's second part: what every FeatureReader makes of views that tolerate something."""

import math
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.features.block import KeyOutcomes
from gateway.features.tolerance import Tolerance, tolerance_of
from gateway.features.view_rule import ViewRule
from gateway.testing.plans import small_plan
from gateway.testing.redis_server import RedisServer
from tests.conformance.feature_subjects import (
    BROKEN,
    FRESH,
    HOUR,
    LAST_KNOWN,
    LATE,
    MISSING,
    NULL,
    STALE,
    WHOLE,
    Subject,
    subject_of,
)


@pytest.fixture(params=["redis", "fixed"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[Subject]:
    async with subject_of(request.param, small_plan(tmp_path, project="tolerance"), redis_server) as subject:
        yield subject


def tolerating(subject: Subject, **rules: ViewRule) -> Tolerance:
    tolerance = tolerance_of(subject.plan, rules)
    assert tolerance is not None
    return tolerance


async def asked_for(subject: Subject, *cards: int, tolerance: Tolerance) -> int:
    """Read, and return how many keys that took."""
    before = subject.asked()
    await subject.read(*cards, tolerance=tolerance)
    return subject.asked() - before


async def test_a_cached_view_is_not_asked_for_again_until_its_time_is_over(subject: Subject) -> None:
    cached = tolerating(subject, card_history=ViewRule(cache=2.0), store_history=ViewRule(cache=5.0))
    subject.put(1)
    assert await asked_for(subject, 1, 1, tolerance=cached) == 2
    subject.put(1, {**WHOLE, "card_count": 10.0, "store_count": 30.0}, age=0.0)
    subject.passes(1.999)
    assert await asked_for(subject, 1, tolerance=cached) == 0
    block = await subject.read(1, tolerance=cached)
    assert block.values.tolist() == [[1, 2, 3]]
    assert block.statuses.tolist() == [[FRESH] * 3]
    assert block.ages.tolist() == [[pytest.approx(61.999)] * 2], "its own age, not that of the read"
    assert block.outcomes == KeyOutcomes(hit=2, read=0, last_known=0, late=0, skipped=0)
    subject.passes(0.001)
    assert await asked_for(subject, 1, tolerance=cached) == 1
    assert (await subject.read(1, tolerance=cached)).values.tolist() == [[10, 2, 3]]


async def test_only_what_is_not_cached_is_asked_for(subject: Subject) -> None:
    cached = tolerating(subject, store_history=ViewRule(cache=5.0))
    for card in range(4):
        subject.put(card, {**WHOLE, "card_count": float(card)})
    assert await asked_for(subject, 1, 2, tolerance=cached) == 4
    block = await subject.read(3, 2, 1, 3, tolerance=cached)
    assert block.values[:, 0].tolist() == [3, 2, 1, 3]
    assert block.outcomes == KeyOutcomes(hit=2, read=4, last_known=0, late=0, skipped=0)


async def test_a_cached_value_grows_stale_like_any_other(subject: Subject) -> None:
    cached = tolerating(subject, card_history=ViewRule(cache=600.0))
    subject.put(1, age=HOUR - 60.0)
    await subject.read(1, tolerance=cached)
    subject.passes(60.0)
    assert (await subject.read(1, tolerance=cached)).statuses.tolist() == [[FRESH] * 3]
    subject.passes(0.5)
    block = await subject.read(1, tolerance=cached)
    assert block.statuses.tolist() == [[STALE, STALE, FRESH]]
    assert block.values.tolist() == [[0, 0, 3]]


async def test_nulls_and_holes_are_cached_but_what_is_broken_is_not(subject: Subject) -> None:
    cached = tolerating(subject, card_history=ViewRule(cache=5.0), store_history=ViewRule(cache=5.0))
    subject.put(1, {"card_count": None, "card_limit": 2.0, "store_count": "three"})
    subject.put(2, {"card_count": math.nan, "store_count": 3.0})
    for _ in range(2):
        block = await subject.read(1, 2, 404, tolerance=cached)
        assert block.statuses.tolist() == [[NULL, FRESH, BROKEN], [BROKEN, MISSING, FRESH], [MISSING] * 3]
    assert block.outcomes == KeyOutcomes(hit=4, read=2, last_known=0, late=0, skipped=0)


async def test_the_last_known_value_stands_in_with_its_own_age(subject: Subject) -> None:
    known = tolerating(subject, card_history=ViewRule(last_known=30.0), store_history=ViewRule(last_known=30.0))
    subject.put(1)
    assert (await subject.read(1, tolerance=known)).statuses.tolist() == [[FRESH] * 3]
    subject.passes(30.0)
    block = await subject.read(1, 2, timeout=0.0, tolerance=known)
    assert block.statuses.tolist() == [[LAST_KNOWN] * 3, [LATE] * 3]
    assert block.values.tolist() == [[1, 2, 3], [0, 0, 5]]
    assert block.ages[0].tolist() == [pytest.approx(90.0)] * 2
    assert block.refused.tolist() == [False, True], "a last known value is a value, also where no default is allowed"
    assert block.odd[0].reasons == ("features_last_known",)
    assert block.outcomes == KeyOutcomes(hit=0, read=0, last_known=2, late=2, skipped=0)
    subject.passes(0.5)
    block = await subject.read(1, timeout=0.0, tolerance=known)
    assert block.statuses.tolist() == [[LATE] * 3]
    assert block.ages.tolist() == [[pytest.approx(math.nan, nan_ok=True)] * 2]
    assert block.outcomes == KeyOutcomes(hit=0, read=0, last_known=0, late=2, skipped=0)


async def test_each_view_has_its_own_patience_with_last_known_values(subject: Subject) -> None:
    card, store = subject.plan.groups
    other = replace(card.views[0], name="card_labels", features=store.views[0].features, ttl_seconds=0.0)
    subject.plan = replace(subject.plan, groups=(replace(card, views=(*card.views, other)),))
    known = tolerating(subject, card_history=ViewRule(last_known=10.0), card_labels=ViewRule(last_known=60.0))
    subject.put(1)
    await subject.read(1, tolerance=known)
    subject.passes(11.0)
    block = await subject.read(1, timeout=0.0, tolerance=known)
    assert block.statuses.tolist() == [[LATE, LATE, LAST_KNOWN]]
    assert block.values.tolist() == [[0, 0, 3]]
    assert block.ages.tolist() == [[pytest.approx(math.nan, nan_ok=True), pytest.approx(71.0)]]


async def test_a_last_known_value_over_its_limit_is_stale_and_what_was_absent_is_late(subject: Subject) -> None:
    known = tolerating(subject, card_history=ViewRule(last_known=30.0), store_history=ViewRule(last_known=30.0))
    subject.put(1, {"card_count": 1.0, "card_limit": None, "store_count": 3.0}, age=HOUR - 10.0)
    subject.put(2, {"card_limit": 2.0})
    await subject.read(1, 2, 3, tolerance=known)
    subject.passes(5.0)
    block = await subject.read(1, 2, 3, timeout=0.0, tolerance=known)
    assert block.statuses.tolist() == [[LAST_KNOWN, LATE, LAST_KNOWN], [LATE, LAST_KNOWN, LATE], [LATE] * 3]
    subject.passes(6.0)
    block = await subject.read(1, timeout=0.0, tolerance=known)
    assert block.statuses.tolist() == [[STALE, LATE, LAST_KNOWN]]
    assert block.values.tolist() == [[0, 0, 3]]


async def test_what_is_gone_or_broken_is_not_known_any_more(subject: Subject) -> None:
    known = tolerating(subject, card_history=ViewRule(last_known=30.0), store_history=ViewRule(last_known=30.0))
    subject.put(1)
    subject.put(2)
    await subject.read(1, 2, tolerance=known)
    subject.remove(1)
    subject.put(2, {"card_count": "many"})
    await subject.read(1, 2, tolerance=known)
    block = await subject.read(1, 2, timeout=0.0, tolerance=known)
    assert block.statuses.tolist() == [[LATE] * 3, [LATE, LATE, LAST_KNOWN]]


async def test_what_is_late_is_remembered_as_it_was(subject: Subject) -> None:
    known = tolerating(subject, card_history=ViewRule(last_known=30.0), store_history=ViewRule(last_known=30.0))
    subject.put(1)
    await subject.read(1, tolerance=known)
    for _ in range(3):
        assert (await subject.read(1, timeout=0.0, tolerance=known)).values.tolist() == [[1, 2, 3]]
    assert (await subject.read(1, tolerance=known)).statuses.tolist() == [[FRESH] * 3]


async def test_a_group_without_a_rule_goes_its_own_way(subject: Subject) -> None:
    known = tolerating(subject, store_history=ViewRule(last_known=30.0))
    subject.put(1)
    await subject.read(1, tolerance=known)
    block = await subject.read(1, timeout=0.0, tolerance=known)
    assert block.statuses.tolist() == [[LATE, LATE, LAST_KNOWN]]
    assert block.values.tolist() == [[0, 0, 3]]


async def test_an_optional_view_is_left_out_when_the_time_would_not_suffice(subject: Subject) -> None:
    optional = tolerating(subject, store_history=ViewRule(optional=True))
    subject.put(1)
    subject.reader.read_time.observe(0.5, subject.clock())
    before = subject.asked()
    block = await subject.read(1, timeout=0.4, tolerance=optional)
    assert subject.asked() - before == 1
    assert block.statuses.tolist() == [[FRESH, FRESH, LATE]]
    assert block.values.tolist() == [[1, 2, 5]]
    assert block.outcomes == KeyOutcomes(hit=0, read=1, last_known=0, late=0, skipped=1)


async def test_where_all_is_optional_nothing_is_asked_until_the_estimate_has_faded(subject: Subject) -> None:
    rule = ViewRule(optional=True, last_known=60.0)
    optional = tolerating(subject, card_history=rule, store_history=rule)
    subject.put(1)
    await subject.read(1, tolerance=optional)
    subject.reader.read_time.observe(4.0, subject.clock())
    before = subject.asked()
    block = await subject.read(1, timeout=0.4, tolerance=optional)
    assert subject.asked() == before
    assert block.statuses.tolist() == [[LAST_KNOWN] * 3], "skipped is late, so what is known stands in"
    assert block.outcomes == KeyOutcomes(hit=0, read=0, last_known=2, late=0, skipped=0)
    subject.passes(10.0)
    assert (await subject.read(1, timeout=0.4, tolerance=optional)).statuses.tolist() == [[FRESH] * 3]


async def test_the_arrays_are_the_callers_and_no_rows_are_no_rows(subject: Subject) -> None:
    cached = tolerating(subject, card_history=ViewRule(cache=5.0), store_history=ViewRule(cache=5.0))
    subject.put(1)
    for _ in range(2):
        block = await subject.read(1, tolerance=cached)
        assert block.values.tolist() == [[1, 2, 3]]
        block.values[:] = 9.0
    assert (await subject.read(tolerance=cached)).values.shape == (0, 3)
