"""One battery for every FeatureReader: the Redis reader on a real Redis, and the shipped fake."""

import math
import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from gateway.call import FeatureStatus
from gateway.testing.fixed_features import StoredValue
from gateway.testing.plans import small_plan
from gateway.testing.redis_server import RedisServer
from tests.conformance.feature_subjects import (
    BROKEN,
    FRESH,
    HOUR,
    LATE,
    MISSING,
    NULL,
    STALE,
    WHOLE,
    Subject,
    entities,
    subject_of,
)


@pytest.fixture(params=["redis", "fixed"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[Subject]:
    async with subject_of(request.param, small_plan(tmp_path, project="battery"), redis_server) as subject:
        yield subject


async def test_what_is_there_is_fresh(subject: Subject) -> None:
    subject.put(1)
    block = await subject.read(1)
    assert block.values.tolist() == [[1, 2, 3]]
    assert block.statuses.tolist() == [[FRESH] * 3]
    assert block.ages.tolist() == [[60, 60]]
    assert block.refused.tolist() == [False]


async def test_who_is_unknown_gets_defaults(subject: Subject) -> None:
    block = await subject.read(404)
    assert block.values.tolist() == [[0, 0, 5]]
    assert block.statuses.tolist() == [[MISSING] * 3]
    assert np.isnan(block.ages).all()
    assert block.refused.tolist() == [True]


async def test_nulls_holes_and_wrong_types(subject: Subject) -> None:
    subject.put(1, {"card_count": None, "card_limit": 2.0, "store_count": "three"})
    subject.put(2, {"card_limit": 2.0, "store_count": math.nan})
    block = await subject.read(1, 2)
    assert block.values.tolist() == [[0, 2, 5], [0, 2, 5]]
    assert block.statuses.tolist() == [[NULL, FRESH, BROKEN], [MISSING, FRESH, BROKEN]]
    assert block.refused.tolist() == [False, False]


@pytest.mark.parametrize(("age", "status"), [(HOUR, FRESH), (HOUR + 0.001, STALE), (None, STALE), (-5.0, FRESH)])
async def test_a_limit_of_age_is_enforced(subject: Subject, age: float | None, status: FeatureStatus) -> None:
    subject.put(1, age=age)
    block = await subject.read(1)
    assert block.statuses.tolist() == [[status, status, FRESH]]
    assert block.refused.tolist() == [status is STALE]
    assert block.ages.tolist() == [pytest.approx([math.nan if age is None else age] * 2, nan_ok=True, abs=1e-5)]


async def test_rows_keep_their_order_and_may_repeat(subject: Subject) -> None:
    for card in range(5):
        subject.put(card, {**WHOLE, "card_count": float(card)})
    block = await subject.read(3, 1, 3, 404, 0)
    assert block.values[:, 0].tolist() == [3, 1, 3, 0, 0]
    assert block.statuses[:, 0].tolist() == [FRESH, FRESH, FRESH, MISSING, FRESH]


async def test_no_rows(subject: Subject) -> None:
    block = await subject.read()
    assert block.values.shape == block.statuses.shape == (0, 3)
    assert block.ages.shape == (0, 2)


async def test_no_time_is_late(subject: Subject) -> None:
    subject.put(1)
    block = await subject.read(1, timeout=0.0)
    assert block.statuses.tolist() == [[LATE] * 3]
    assert block.values.tolist() == [[0, 0, 5]]
    assert block.refused.tolist() == [True]
    assert (await subject.read(1)).statuses.tolist() == [[FRESH] * 3]


async def test_the_arrays_are_the_callers(subject: Subject) -> None:
    subject.put(1)
    block = await subject.read(1)
    block.values[:], block.statuses[:] = 9.0, LATE
    assert (await subject.read(1)).values.tolist() == [[1, 2, 3]]


async def test_any_mixture_reads_alike(subject: Subject) -> None:
    """Against a third opinion: what was put, judged by the rules in words."""
    draw = random.Random(7)
    choices: list[StoredValue] = [1.5, -2.0, None, "text", math.inf]
    wanted = []
    for card in range(60):
        values = {name: draw.choice(choices) for name in WHOLE if draw.random() < 0.8}
        age = draw.choice([10.0, 2 * HOUR])
        subject.put(card, values, age)
        wanted.append([status_in_words(values, name, age) for name in WHOLE])
    block = await subject.read(*range(60))
    assert block.statuses.tolist() == wanted
    assert np.isfinite(block.values).all()
    assert (block.refused == (block.statuses[:, 1] != FRESH)).all()


def status_in_words(values: Mapping[str, StoredValue], name: str, age: float) -> FeatureStatus:
    if name not in values:
        return MISSING
    value = values[name]
    if value is None:
        return NULL
    if isinstance(value, str) or math.isinf(value):
        return BROKEN
    return STALE if name.startswith("card") and age > HOUR else FRESH


async def test_stored_keys_are_found_by_their_entity(subject: Subject) -> None:
    assert await subject.reader.stored_keys(subject.plan, 10) == [[], []]
    cards = range(30)
    for card in cards:
        subject.put(card)
    wanted = [{subject.plan.row_keys(entities(card))[group] for card in cards} for group in (0, 1)]
    found = await subject.reader.stored_keys(subject.plan, 1_000)
    assert [set(keys) for keys in found] == wanted
    few = await subject.reader.stored_keys(subject.plan, 7)
    assert [len(keys) for keys in few] == [min(7, len(keys)) for keys in wanted]
    assert all(set(keys) <= all_of for keys, all_of in zip(few, wanted, strict=True))
