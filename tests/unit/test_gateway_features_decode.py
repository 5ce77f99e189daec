"""Whole lists of replies, without a socket: the quick way, the exact way, and the two always equal."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import hiredis
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.call import FeatureStatus
from gateway.features.block import FeatureBlock
from gateway.features.decode import Fields, Reply
from gateway.features.feast_values import TAGS, decode_value
from gateway.features.list_read import ListRead
from gateway.features.plan import Plan, load_plan
from gateway.testing.feast_hash import encode_stamp, encode_value
from gateway.testing.plans import small_plan

NOW = 1_554_076_800.0
FRESH, NULL, MISSING, STALE, LATE, BROKEN, LAST_KNOWN = list(FeatureStatus)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two groups: (card_count, card_limit) with a limit of an hour, and (store_count) with none."""
    return small_plan(tmp_path)


def double(value: float) -> bytes:
    return encode_value("double", value)


def conclude(plan: Plan, *rows: tuple[Reply, Reply]) -> FeatureBlock:
    keys = [(b"card%d" % at, b"store%d" % at) for at in range(len(rows))]
    replies = [row[0] for row in rows] + [row[1] for row in rows]
    return ListRead(plan, keys).conclude(replies, NOW)


def card(count: bytes | None = double(1), limit: bytes | None = double(2), age: float = 10) -> Fields:
    return [count, limit, encode_stamp(NOW - age)]


def store(count: bytes | None = double(3)) -> Fields:
    return [count, encode_stamp(NOW - 20)]


def test_whole_rows(plan: Plan) -> None:
    block = conclude(plan, (card(), store()), (card(double(7)), store(double(8))))
    assert block.values.tolist() == [[1, 2, 3], [7, 2, 8]]
    assert (block.statuses == FRESH).all()
    assert block.fresh
    assert block.ages.tolist() == [[10, 20], [10, 20]]
    assert not block.refused.any()


def test_one_odd_row_spoils_no_other(plan: Plan) -> None:
    odd: list[tuple[Reply, Reply]] = [
        ([None, None, None], [None, None]),
        (card(b"", double(5)), store(None)),
        (card(b"\x20\x01"), store(double(float("nan")))),
        (hiredis.ReplyError("WRONGTYPE Operation against a key"), store()),
        (hiredis.ReplyError("LOADING Redis is loading the dataset"), store()),
        (None, store()),
        ([double(1)], store()),
    ]
    whole = (card(), store())
    block = conclude(plan, *[row for one in odd for row in (one, whole)])
    assert (block.statuses[1::2] == FRESH).all()
    assert block.values[1::2].tolist() == [[1, 2, 3]] * len(odd)
    assert block.statuses[::2].tolist() == [
        [MISSING, MISSING, MISSING],
        [NULL, FRESH, MISSING],
        [BROKEN, FRESH, BROKEN],
        [BROKEN, BROKEN, FRESH],
        [LATE, LATE, FRESH],
        [LATE, LATE, FRESH],
        [BROKEN, BROKEN, FRESH],
    ]
    assert block.values[::2].tolist() == [
        [0, 0, 5],
        [0, 5, 5],
        [0, 2, 5],
        [0, 0, 3],
        [0, 0, 3],
        [0, 0, 3],
        [0, 0, 3],
    ]
    assert block.refused[::2].tolist() == [True, False, False, True, True, True, True]


def test_lengths_that_add_up_are_not_taken_for_whole(plan: Plan) -> None:
    """Eighteen bytes that look like two doubles, beside none: tags and total length are right, the values are not."""
    block = conclude(plan, (card(double(1) + double(2), b""), store()))
    assert block.statuses.tolist() == [[BROKEN, NULL, FRESH]]


@pytest.mark.parametrize("nine", [b"\x12\x07seven77", double(math.nan), double(math.inf), double(-math.inf)])
def test_nine_bytes_are_not_enough(plan: Plan, nine: bytes) -> None:
    """A string as long as a double, and doubles that no model may see, in a list that is otherwise whole."""
    block = conclude(plan, (card(), store()), (card(nine), store()))
    assert block.statuses.tolist() == [[FRESH, FRESH, FRESH], [BROKEN, FRESH, FRESH]]
    assert block.values.tolist() == [[1, 2, 3], [0, 2, 3]]
    assert not block.fresh


def test_an_age_that_is_not_known_is_nan_even_where_none_is_asked_for(plan: Plan) -> None:
    block = conclude(plan, (card(), [double(3), None]))
    assert block.fresh
    assert np.isnan(block.ages[0, 1])
    assert block.ages[0, 0] == 10


@pytest.mark.parametrize(
    ("age", "status"), [(3600.0, FRESH), (3600.000001, STALE), (-50.0, FRESH), (0.0, FRESH), (1e9, STALE)]
)
def test_exactly_the_limit_is_fresh(plan: Plan, age: float, status: FeatureStatus) -> None:
    block = conclude(plan, (card(age=age), store()))
    assert block.statuses.tolist() == [[status, status, FRESH]]
    assert block.values.tolist() == [[1, 2, 3] if status is FRESH else [0, 0, 3]]
    assert block.refused.tolist() == [status is STALE]


def test_without_an_event_time_a_limit_is_not_met(plan: Plan) -> None:
    block = conclude(plan, ([double(1), double(2), None], [double(3), b"\xff"]))
    assert block.statuses.tolist() == [[STALE, STALE, FRESH]]
    assert np.isnan(block.ages).all()


def test_staleness_hides_nothing_worse(plan: Plan) -> None:
    block = conclude(plan, (card(None, b"", age=1e6), store()), (card(b"\x01", age=1e6), store()))
    assert block.statuses[:, :2].tolist() == [[MISSING, NULL], [BROKEN, STALE]]


def test_a_key_that_several_rows_want_is_asked_once(plan: Plan) -> None:
    read = ListRead(plan, [(b"a", b"s"), (b"b", b"s"), (b"a", b"t")])
    assert read.owed == 4
    assert read.commands.count(b"HMGET") == 4
    block = read.conclude([card(double(1)), card(double(2)), store(double(3)), store(double(4))], NOW)
    assert block.values.tolist() == [[1, 2, 3], [2, 2, 3], [1, 2, 4]]


def test_replies_that_did_not_come_are_late(plan: Plan) -> None:
    read = ListRead(plan, [(b"a", b"s"), (b"b", b"t")])
    block = read.conclude([card(), card()], NOW)
    assert block.statuses.tolist() == [[FRESH, FRESH, LATE]] * 2
    assert (ListRead(plan, [(b"a", b"s")]).conclude([], NOW).statuses == LATE).all()


def test_no_rows_no_groups(plan: Plan, tmp_path: Path) -> None:
    assert ListRead(plan, []).conclude([], NOW).values.shape == (0, 3)
    bare = small_plan(tmp_path, groups=[], features=["amount"])
    block = ListRead(bare, [(), ()]).conclude([], NOW)
    assert block.values.shape == (2, 0)
    assert block.refused.tolist() == [False, False]


@pytest.fixture(scope="module")
def every_type(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """One group with two features of each type, the types in turn."""
    features = [
        {"name": f"{kind}{turn}", "field": struct.pack("<HH", turn, at).hex(), "type": kind, "default": -1.0}
        for turn in range(2)
        for at, kind in enumerate(TAGS)
    ]
    document: dict[str, Any] = {"format": 1, "project": "p", "key_version": 3, "request": [], "transform": None}
    document["features"] = []
    keys = [{"name": "id", "type": "int64"}]
    document["groups"] = [{"join_keys": keys, "views": [{"name": "v", "ttl_seconds": 60, "features": features}]}]
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    path.write_text(json.dumps(document))
    return load_plan(path)


def fields_for(kind: str) -> st.SearchStrategy[bytes | None]:
    numbers = {
        "double": st.floats(allow_nan=True),
        "float": st.floats(width=32),
        "int32": st.integers(-(2**31), 2**31 - 1),
        "bool": st.integers(0, 1),
    }.get(kind, st.integers(-(2**63), 2**63 - 1))
    good = numbers.map(lambda number: encode_value(kind, number))
    odd = st.one_of(st.none(), st.just(b""), st.binary(max_size=12))
    return st.one_of(good, good, good, good, odd)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(st.data())
def test_the_quick_way_and_the_exact_way_agree(every_type: Plan, data: st.DataObject) -> None:
    features = every_type.stored
    order = every_type.groups[0].layout.order
    rows = data.draw(st.lists(st.tuples(*[fields_for(feature.type) for feature in features]), min_size=1, max_size=6))
    replies: list[Reply] = [[row[column] for column in order] + [encode_stamp(NOW)] for row in rows]
    block = ListRead(every_type, [(b"%d" % at,) for at in range(len(rows))]).conclude(replies, NOW)
    for at, row in enumerate(rows):
        for column, feature in enumerate(features):
            value, status = decode_value(feature.type, row[column])
            if status is FRESH and not np.isfinite(value):
                status = BROKEN
            assert block.statuses[at, column] == status
            assert block.values[at, column] == (value if status is FRESH else -1.0)
