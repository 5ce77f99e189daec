"""Entity keys: golden bytes, made once with Feast 0.67, and what is refused."""

import struct
from typing import Any

import pytest

from gateway.features.keys import EntityError, JoinKey, KeyValue, key_encoder, read_key

SLUICE = "736c75696365"
GOLDEN = [
    (
        "proj",
        {"driver_id": "int64"},
        {"driver_id": 1001},
        "0100000002000000090000006472697665725f69640400000008000000e90300000000000070726f6a",
    ),
    (
        "sluice",
        {"card_id": "int64"},
        {"card_id": -7},
        "010000000200000007000000636172645f69640400000008000000f9ffffffffffffff" + SLUICE,
    ),
    ("sluice", {"n": "int32"}, {"n": -2}, "0100000002000000010000006e0300000004000000feffffff" + SLUICE),
    (
        "sluice",
        {"name": "string"},
        {"name": "żółw\0"},
        "0100000002000000040000006e616d650200000008000000c5bcc3b3c5827700" + SLUICE,
    ),
    ("sluice", {"raw": "bytes"}, {"raw": b"\x00\xff"}, "010000000200000003000000726177010000000200000000ff" + SLUICE),
    (
        "sluice",
        {"at": "unix_timestamp"},
        {"at": 1554076800},
        "010000000200000002000000617408000000080000008054a15c00000000" + SLUICE,
    ),
    (
        "sluice",
        {"dropoff_zone": "int64", "pickup_zone": "int64"},
        {"pickup_zone": 230, "dropoff_zone": 132},
        "02000000"
        "02000000"
        "0c000000"
        "64726f706f66665f7a6f6e65"
        "02000000"
        "0b000000"
        "7069636b75705f7a6f6e65"
        "04000000"
        "08000000"
        "8400000000000000"
        "04000000"
        "08000000"
        "e600000000000000" + SLUICE,
    ),
    (
        "sluice",
        {"__dummy_id": "string"},
        {},
        "01000000020000000a0000005f5f64756d6d795f69640200000000000000" + SLUICE,
    ),
]


def encode(project: str, types: dict[str, str], entities: dict[str, Any]) -> bytes:
    return key_encoder(project, tuple(JoinKey(name, kind) for name, kind in types.items()))(entities)


@pytest.mark.parametrize(("project", "types", "entities", "expected"), GOLDEN)
def test_golden_bytes(project: str, types: dict[str, str], entities: dict[str, Any], expected: str) -> None:
    assert encode(project, types, entities).hex() == expected


@pytest.mark.parametrize("kind", ["int32", "int64", "unix_timestamp"])
@pytest.mark.parametrize(("text", "number"), [("1001", 1001), ("-5", -5), ("007", 7)])
def test_integers_may_come_as_digits(kind: str, text: str, number: int) -> None:
    assert encode("p", {"id": kind}, {"id": text}) == encode("p", {"id": kind}, {"id": number})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("int64", value) for value in (True, 1.0, None, b"1", "", "-", "+5", " 5", "1_0", "٣", "1" * 21, 1 << 63)],
        *[("int32", value) for value in (False, 2.0, "x", 1 << 31, -(1 << 31) - 1, "4294967296")],
        *[("unix_timestamp", value) for value in (True, 1.5, "2020-01-01", 1 << 64)],
        *[("string", value) for value in (7, True, b"x", None, "\ud800")],
        *[("bytes", value) for value in ("x", 7, None)],
    ],
)
def test_another_type_is_refused_by_name(kind: str, value: Any) -> None:
    with pytest.raises(EntityError, match=f"^entity card_id: expected {kind}, got ") as refusal:
        encode("p", {"card_id": kind}, {"card_id": value})
    assert refusal.value.entity == "card_id"
    assert len(str(refusal.value)) < 120
    assert "\n" not in str(refusal.value)


def test_a_missing_entity_is_named() -> None:
    with pytest.raises(EntityError, match="entity store_id: expected int64, got nothing"):
        encode("p", {"card_id": "int64", "store_id": "int64"}, {"card_id": 1})


@pytest.mark.parametrize("ids", [(1, "2"), ("1", 2), (-(1 << 63), (1 << 63) - 1)])
def test_whole_numbers_have_a_quick_way_and_digits_the_general_one(ids: tuple[Any, Any]) -> None:
    """Both give the same bytes, which are spelled out here a second time."""
    names = b"".join(struct.pack("<II", 2, 1) + name for name in (b"a", b"b"))
    values = b"".join(struct.pack("<IIq", 4, 8, int(value)) for value in ids)
    expected = struct.pack("<I", 2) + names + values + b"p"
    assert encode("p", {"a": "int64", "b": "int64"}, {"a": ids[0], "b": ids[1]}) == expected


def test_a_huge_number_does_not_come_back_whole() -> None:
    with pytest.raises(EntityError, match="got int a huge number"):
        encode("p", {"card_id": "int64"}, {"card_id": 10**5000})


@pytest.mark.parametrize(
    ("types", "values"),
    [
        (["int64"], [-(2**63)]),
        (["int64", "int64"], [7, 2**63 - 1]),
        (["int32", "string"], [-1, "a*b\\é"]),
        (["bytes", "unix_timestamp"], [b"\x00\xff", 1_554_076_800]),
    ],
)
def test_a_key_reads_as_what_it_was_made_of(types: list[str], values: list[KeyValue]) -> None:
    join_keys = tuple(JoinKey(f"id_{at}", kind) for at, kind in enumerate(types))
    entities = {one.name: value for one, value in zip(join_keys, values, strict=True)}
    key = key_encoder("project", join_keys)(entities)
    assert read_key("project", join_keys, key) == entities
    others = [key[:-1], key + b"x", key[1:], b"", key[: -len(b"project")] + b"xproject", key.replace(b"id_0", b"id_9")]
    assert [read_key("project", join_keys, other) for other in others] == [None] * len(others)
    assert read_key("another", join_keys, key) is None


def test_a_key_of_another_type_is_none_of_ours() -> None:
    key = key_encoder("project", (JoinKey("id", "string"),))({"id": "12345678"})
    assert read_key("project", (JoinKey("id", "int64"),), key) is None
