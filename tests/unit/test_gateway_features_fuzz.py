"""Any bytes as Feast's values, whatever Redis answers: never an exception, and never fresh unless protobuf agrees."""

import asyncio
import math
import time
from collections.abc import Iterator
from pathlib import Path

import hiredis
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.call import FeatureStatus
from gateway.features.connection import Connection, ConnectionLimits
from gateway.features.decode import Reply
from gateway.features.feast_values import TAGS, UNKNOWN, decode_stamp, decode_value
from gateway.features.list_read import ListRead
from gateway.features.plan import Plan
from gateway.testing.feast_bytes import encode_stamp, encode_value
from gateway.testing.plans import small_document, small_plan

pytestmark = pytest.mark.fuzz

NOW = 1_554_076_800.0
FRESH = FeatureStatus.FRESH
kinds = st.sampled_from(sorted(TAGS))
numbers = st.one_of(
    st.floats(), st.integers(-(2**63), 2**63 - 1).map(float), st.sampled_from([0.0, -0.0, 1.0, 2.0**53])
)


def _oracle() -> type[Message]:
    """Feast's `Value` as protobuf itself reads it: only the members that a plan can name, by their numbers there."""
    types = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="tests/feast_value.proto", package="tests", syntax="proto3")
    value = file.message_type.add(name="Value")
    value.oneof_decl.add(name="val")
    for name, number, kind in (
        ("int32", 3, types.TYPE_INT32),
        ("int64", 4, types.TYPE_INT64),
        ("double", 5, types.TYPE_DOUBLE),
        ("float", 6, types.TYPE_FLOAT),
        ("bool", 7, types.TYPE_BOOL),
        ("unix_timestamp", 8, types.TYPE_INT64),
    ):
        value.field.add(name=name, number=number, type=kind, label=types.LABEL_OPTIONAL, oneof_index=0)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tests.Value"))


VALUE = _oracle()


@st.composite
def nearly_values(draw: st.DrawFn) -> bytes:
    """A value as Feast stores it, often with a few bytes changed, put in or left out."""
    kind, number = draw(kinds), draw(numbers)
    whole = kind in ("double", "float") or (math.isfinite(number) and abs(number) < 2**63)
    data = bytearray(encode_value(kind, max(-3e38, min(number, 3e38)) if kind == "float" else number) if whole else b"")
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 1))] = draw(st.binary(max_size=2))
    return bytes(data)


_NANOS = b"\x10\x80\x80\x80\x80\x10"  # 2**32
values = st.one_of(st.binary(max_size=24), nearly_values())
stamps = st.one_of(
    st.binary(max_size=16),
    st.builds(
        lambda a, b: a + b, st.floats(0, 4e9).map(encode_stamp), st.sampled_from([b"", b"\x10\x01", b"\x08", _NANOS])
    ),
)


@given(kinds, values)
def test_fresh_is_what_protobuf_reads(kind: str, data: bytes) -> None:
    value, status = decode_value(kind, data)
    assert status in (FRESH, FeatureStatus.NULL, FeatureStatus.BROKEN)
    if status is not FRESH:
        return
    oracle = VALUE.FromString(data)
    assert oracle.WhichOneof("val") == kind
    read = float(getattr(oracle, kind))
    assert value == read or (math.isnan(value) and math.isnan(read))


@given(kinds, numbers)
def test_what_protobuf_writes_is_fresh(kind: str, number: float) -> None:
    if kind not in ("double", "float"):
        bits = 31 if kind == "int32" else 63
        if not (math.isfinite(number) and -(2**bits) <= number < 2**bits):
            return
        number = int(number) != 0 if kind == "bool" else int(number)
    try:
        data = VALUE(**{kind: number}).SerializeToString()
    except ValueError:  # a double that no float holds
        return
    value, status = decode_value(kind, data)
    read = float(getattr(VALUE.FromString(data), kind))
    assert status is FRESH
    assert value == read or (math.isnan(value) and math.isnan(read))


@given(stamps)
def test_a_known_stamp_is_what_protobuf_reads(data: bytes) -> None:
    stamp = decode_stamp(data)
    if stamp == UNKNOWN:
        return
    oracle = Timestamp.FromString(data)
    assert stamp == pytest.approx(oracle.seconds + oracle.nanos * 1e-9, rel=1e-15, abs=1e-6)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 999_999_999))
def test_every_stamp_that_protobuf_writes_is_known(seconds: int, nanos: int) -> None:
    stamp = decode_stamp(Timestamp(seconds=seconds, nanos=nanos).SerializeToString())
    assert stamp == pytest.approx(seconds + nanos * 1e-9, rel=1e-15, abs=1e-6)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The small plan with every type that a plan can name beside its own."""
    groups = small_document()["groups"]
    groups[1]["views"][0]["features"] += [
        {"name": f"store_{kind}", "field": f"0102040{at}", "type": kind, "default": -1.0}
        for at, kind in enumerate(sorted(TAGS))
    ]
    return small_plan(Path(tmp_path_factory.mktemp("plan")), groups=groups)


def replies(group: int) -> st.SearchStrategy[Reply]:
    """Whatever a Redis, or what stands in its place, may answer to the HMGET of a group, as hiredis gives it."""
    fields = 3 if group == 0 else 8 + 1
    field = st.one_of(st.none(), values, stamps)
    odd = st.one_of(field, st.integers(), st.booleans(), st.floats(), st.just([b"x"]), st.just({b"x": b"y"}))
    errors = st.sampled_from(["WRONGTYPE no", "LOADING", "NOPERM", ""]).map(hiredis.ReplyError)
    return st.one_of(
        st.none(),
        errors,
        st.lists(field, min_size=fields, max_size=fields),
        st.lists(st.one_of(odd, errors), max_size=fields + 1),
        odd,
    )


@given(st.data())
def test_no_reply_raises_or_is_wrongly_fresh(plan: Plan, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(replies(0), replies(1)), min_size=1, max_size=4))
    keys = [(b"card%d" % at, b"store%d" % at) for at in range(len(rows))]
    block = ListRead(plan, keys).conclude([row[0] for row in rows] + [row[1] for row in rows], NOW)
    for row, answers in enumerate(rows):
        assert all(math.isfinite(value) for value in block.values[row])
        for group, (columns, _) in enumerate(plan.spans):
            layout, reply = plan.groups[group].layout, answers[group]
            read = reply if isinstance(reply, list) and len(reply) == layout.fields else None
            for place, column in enumerate(range(*columns.indices(len(plan.stored)))):
                status = FeatureStatus(int(block.statuses[row, column]))
                if status is FRESH:
                    field = None if read is None else read[layout.order.index(place)]
                    assert decode_value(plan.stored[column].type, field) == (block.values[row, column], FRESH)


GOOD_REPLIES = b"*2\r\n$1\r\na\r\n$-1\r\n-WRONGTYPE no\r\n*1\r\n$0\r\n\r\n:5\r\n+OK\r\n"


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


class _Wire(asyncio.Transport):
    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def abort(self) -> None:
        pass


def read_in_pieces(loop: asyncio.AbstractEventLoop, data: bytes, sizes: list[int]) -> tuple[str, bool]:
    """What two lists of two and three replies get when `data` comes in pieces, and whether the connection holds."""

    async def feed() -> tuple[str, bool]:
        connection = Connection(ConnectionLimits(reply_bytes=1000), time.monotonic)
        connection.connection_made(_Wire())
        batches = [connection.ask(b"?", owed) for owed in (2, 3)]
        at = 0
        for size in [*sizes, len(data)]:
            connection.data_received(data[at : at + size])
            at += size
        got = [batch.arrived.result() if batch and batch.arrived.done() else None for batch in batches]
        return repr(got), connection.alive

    return loop.run_until_complete(feed())


@given(st.lists(st.integers(1, 9), max_size=20))
def test_replies_are_the_same_wherever_their_pieces_end(loop: asyncio.AbstractEventLoop, sizes: list[int]) -> None:
    got = read_in_pieces(loop, GOOD_REPLIES, sizes)
    assert got == ("[[[b'a', None], ReplyError('WRONGTYPE no')], [[b''], 5, b'OK']]", True)


@st.composite
def nearly_replies(draw: st.DrawFn) -> bytes:
    data = bytearray(GOOD_REPLIES)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 4))] = draw(st.one_of(st.binary(max_size=4), st.sampled_from(list(_WORDS))))
    return bytes(data)


_WORDS = (b"*-1\r\n", b"*1\r\n" * 12, b"*9999999999\r\n", b"$999999\r\n", b"%1\r\n", b"~2\r\n", b"_\r\n", b">1\r\n")


@given(st.one_of(st.binary(max_size=60), nearly_replies()), st.lists(st.integers(1, 20), max_size=5))
@example(b"%1\r\n*0\r\n", [])  # a map whose key is a list
def test_no_bytes_from_redis_raise(loop: asyncio.AbstractEventLoop, data: bytes, sizes: list[int]) -> None:
    read_in_pieces(loop, data, sizes)
