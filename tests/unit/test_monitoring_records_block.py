"""Blocks: read as they were written, by older and newer readers too, and row by row as records."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.records.block import Block, Gap, Header, Shape, decode, encode
from monitoring.records.record import BlockRows
from tests.unit.sample_records import NOON, SHAPE, STAMP, block

FINITE = st.floats(allow_nan=False)
SCALARS = FINITE | st.integers(-(1 << 63), (1 << 64) - 1) | st.text(max_size=20) | st.booleans()
NAMED: Any = st.dictionaries(st.text(max_size=10), SCALARS, max_size=4)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    rows = draw(st.integers(1, 8))

    def column(values: Any) -> Any:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    some = st.integers(0, rows - 1)
    return block(
        column(st.text(max_size=40)),
        written=draw(st.integers(0, (1 << 63) - 1)),
        event_now=draw(FINITE),
        units=column(st.text(max_size=40)),
        waited=column(st.floats(0.0, 1e3)),
        entities=column(NAMED),
        request=column(NAMED),
        decisions=column(st.sampled_from(["approve", "decline", ""])),
        outputs=column(st.dictionaries(st.sampled_from(["score", "price"]), FINITE)),
        stored=np.array(column(st.tuples(FINITE, FINITE, FINITE)), "<f8").tobytes(),
        model=np.array(column(st.tuples(*[st.floats(width=32)] * 2)), "<f4").tobytes(),
        stamps=draw(st.lists(st.none() | st.binary(max_size=12), min_size=2 * rows, max_size=2 * rows)),
        odd=draw(st.dictionaries(some, st.binary(min_size=3, max_size=3))),
        degraded=draw(st.dictionaries(some, st.tuples(st.text()))),
        priorities=draw(st.dictionaries(some, st.text())),
        errors=draw(st.dictionaries(some, st.tuples(st.text(), st.text()))),
    )


@settings(max_examples=40)
@given(blocks())
def test_a_block_is_read_as_it_was_written(written: Block) -> None:
    read = decode(encode(written))
    assert isinstance(read, Block)
    assert encode(read) == encode(written)
    rows = BlockRows(read, SHAPE, 0)
    for row, name in enumerate(written.ids):
        record = rows.record(row)
        assert record.request_id == name
        stored = np.array(list(record.stored.values()), "<f8").tobytes()
        assert stored == written.stored[row * 24 : (row + 1) * 24]
        model = np.array(list(record.model_row.values()), "<f4").tobytes()
        width = len(written.model) // len(written.ids)
        given_to_it = np.frombuffer(written.model[row * width : (row + 1) * width], "<f4")
        np.testing.assert_array_equal(np.frombuffer(model, "<f4"), given_to_it)


def test_a_record_says_everything_by_name() -> None:
    found = block(
        ["a", "b"],
        assigned="canary",
        traces=["", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
        odd={1: bytes([4, 4, 1])},
        degraded={1: ("features_stale",)},
        priorities={1: "critical"},
    )
    record = BlockRows(found, SHAPE, 2).record(1)
    assert (record.assigned, record.arm, record.rescued, record.slot) == ("canary", "champion", True, 2)
    assert record.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert record.stored == {"card_count": 3.0, "card_limit": 4.0, "store_count": 5.0}
    assert record.not_fresh == {"card_count": "stale", "card_limit": "stale"}
    assert record.event_times == {"card_history": 1_700_000_000.5, "store_history": None}
    assert record.model_row == {"amount": float(np.float32(2) / np.float32(3)), "card_count": 1.0}
    assert (record.degraded, record.priority, record.code) == (("features_stale",), "critical", "OK")
    assert (record.queue_us, record.features_us, record.infer_us, record.total_us) == (50, 200, 100, 550)
    assert record.time_ns == NOON
    assert BlockRows(found, SHAPE, 2).record(0).not_fresh == {}


def test_a_failed_row_has_its_code_and_was_not_rescued() -> None:
    failed = block(["a"], assigned="canary", decisions=[""], outputs=[{}], errors={0: ("PREDICTION_FAILED", "nan")})
    record = BlockRows(failed, SHAPE, 0).record(0)
    assert (record.code, record.message, record.decision, record.rescued) == ("PREDICTION_FAILED", "nan", "", False)


def test_a_status_that_this_reader_does_not_know_is_shown_by_number() -> None:
    record = BlockRows(block(["a"], odd={0: bytes([9, 1, 1])}), SHAPE, 0).record(0)
    assert record.not_fresh == {"card_count": "status 9"}


def test_an_unreadable_stamp_is_no_time() -> None:
    record = BlockRows(block(["a"], stamps=[b"\xff\xff", STAMP]), SHAPE, 0).record(0)
    assert record.event_times == {"card_history": None, "store_history": 1_700_000_000.5}


@pytest.mark.parametrize("piece", [SHAPE, block(["a"]), Gap(NOON, "fraud", 1, 2), Header(1, 0, NOON, "h", 1, b"salt")])
def test_what_a_newer_writer_adds_is_ignored(piece: Shape | Block | Gap | Header) -> None:
    newer = msgspec.msgpack.encode([*msgspec.msgpack.decode(encode(piece)), {"what": "is this"}])
    assert decode(newer) == decode(encode(piece))


def test_what_is_of_no_known_kind_is_no_piece() -> None:
    assert decode(msgspec.msgpack.encode(["weather", "rain"])) is None
    assert decode(b"\xc1") is None
