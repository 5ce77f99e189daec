"""One battery for every ValueStore: the Redis reader on a real Redis, and the shipped fake."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.features.block import FeatureBlock
from gateway.features.tolerance import tolerance_of
from gateway.features.view_rule import ViewRule
from gateway.testing.plans import small_plan
from gateway.testing.redis_server import RedisServer
from tests.conformance.feature_subjects import Subject, entities, subject_of

LONG, SOON = 60.0, 5.0


@pytest.fixture(params=["redis", "fixed"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[Subject]:
    async with subject_of(request.param, small_plan(tmp_path, project="values"), redis_server) as subject:
        yield subject


async def read(subject: Subject, *keys: bytes, cards: tuple[int, ...] = (1,), **rules: ViewRule) -> FeatureBlock:
    tolerance = tolerance_of(subject.plan, rules) if rules else None
    rows = [subject.plan.row_keys(entities(card)) for card in cards]
    return await subject.reader.read(subject.plan, rows, subject.event_now, SOON, tolerance, keys)


async def test_nothing_is_there_at_first(subject: Subject) -> None:
    assert (await read(subject, b"a", b"b")).beside == {b"a": None, b"b": None}


async def test_nothing_is_asked_for_unless_it_is_named(subject: Subject) -> None:
    subject.put(1)
    block = await read(subject)
    assert (block.beside, block.values.tolist()) == ({}, [[1, 2, 3]])


async def test_what_was_kept_comes_with_the_features(subject: Subject) -> None:
    subject.put(1)
    assert await subject.reader.keep({b"a": b"\0\r\n\xff", b"empty": b""}, LONG, SOON) == {
        b"a": b"\0\r\n\xff",
        b"empty": b"",
    }
    block = await read(subject, b"a", b"none", b"empty")
    assert block.beside == {b"a": b"\0\r\n\xff", b"none": None, b"empty": b""}
    assert block.values.tolist() == [[1, 2, 3]]
    assert block.fresh


async def test_values_come_also_where_views_tolerate_something(subject: Subject) -> None:
    subject.put(1)
    await subject.reader.keep({b"a": b"1"}, LONG, SOON)
    for _ in range(2):  # the second time the features come from memory
        block = await read(subject, b"a", card_history=ViewRule(cache=9.0), store_history=ViewRule(cache=9.0))
        assert (block.beside, block.values.tolist()) == ({b"a": b"1"}, [[1, 2, 3]])


async def test_the_first_stays(subject: Subject) -> None:
    await subject.reader.keep({b"a": b"first"}, LONG, SOON)
    assert await subject.reader.keep({b"a": b"second", b"b": b"new"}, LONG, SOON) == {b"a": b"first", b"b": b"new"}
    assert (await read(subject, b"a")).beside == {b"a": b"first"}


async def test_all_who_keep_at_once_are_told_the_same(subject: Subject) -> None:
    values = [b"%d" % number for number in range(20)]
    found = await asyncio.gather(*(subject.reader.keep({b"a": value}, LONG, SOON) for value in values))
    (one,) = {value for answer in found for value in answer.values()}
    assert one in values
    assert (await read(subject, b"a")).beside == {b"a": one}


async def test_nothing_to_keep(subject: Subject) -> None:
    assert await subject.reader.keep({}, LONG, SOON) == {}


async def test_without_time_nobody_knows(subject: Subject) -> None:
    rows = [subject.plan.row_keys(entities(1))]
    block = await subject.reader.read(subject.plan, rows, subject.event_now, 0.0, None, (b"a",))
    assert block.beside == {}
    assert await subject.reader.keep({b"a": b"1"}, LONG, 0.0) == {}


async def test_values_without_rows(subject: Subject) -> None:
    await subject.reader.keep({b"a": b"1"}, LONG, SOON)
    block = await read(subject, b"a", cards=())
    assert (block.beside, block.values.shape) == ({b"a": b"1"}, (0, 3))
