"""Feast's values and event times: golden bytes, made once with Feast 0.67, and everything that is not exactly that."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call import FeatureStatus
from gateway.features.feast_values import TAGS, UNKNOWN, decode_stamp, decode_value
from gateway.testing.feast_hash import encode_stamp, encode_value

GOLDEN = [
    ("double", "29000000000000f83f", 1.5),
    ("double", "290000000000000000", 0.0),
    ("float", "35000000bf", -0.5),
    ("int32", "18ffffffffffffffffff01", -1.0),
    ("int64", "2000", 0.0),
    ("int64", "20ac02", 300.0),
    ("int64", "2080808080808080808001", -(2.0**63)),
    ("bool", "3801", 1.0),
    ("bool", "3800", 0.0),
    ("unix_timestamp", "4080a985e505", 1554076800.0),
]
STAMPS = [
    ("0880a985e505", 1554076800.0),
    ("0880a985e50510e807", 1554076800.000001),
    ("0880a985e505108094ef3a", 1554076800.123456),
    ("0880a985e50510ff93ebdc03", 1554076800.999999999),
    ("", 0.0),
    ("0801", 1.0),
    ("08ffffffffffffffffff01", -1.0),
    ("0880f092cbdd081007", 300000000000.0),
]


@pytest.mark.parametrize(("kind", "data", "value"), GOLDEN)
def test_golden_values(kind: str, data: str, value: float) -> None:
    assert decode_value(kind, bytes.fromhex(data)) == (value, FeatureStatus.FRESH)


@pytest.mark.parametrize("kind", TAGS)
def test_null_and_missing_are_told_apart(kind: str) -> None:
    assert decode_value(kind, b"")[1] is FeatureStatus.NULL
    assert decode_value(kind, bytes.fromhex("980100"))[1] is FeatureStatus.NULL
    assert decode_value(kind, None)[1] is FeatureStatus.MISSING


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("double", "29000000000000f8"),  # cut
        ("double", "29000000000000f83f00"),  # one byte more
        ("double", "29000000000000f83f29000000000000f83f"),  # twice
        ("double", "35000000bf"),  # a float
        ("float", "29000000000000f83f"),  # a double
        ("double", "2000"),  # an int64
        ("int64", "1800"),  # an int32
        ("int32", "2000"),  # an int64
        ("int64", "20"),  # nothing after the tag
        ("int64", "2080"),  # a varint that does not end
        ("int64", "20" + "80" * 10 + "00"),  # a varint of eleven bytes
        ("int64", "200000"),  # trailing
        ("int32", "188080808010"),  # 2**32
        ("unix_timestamp", "2080a985e505"),
        ("bool", "2001"),
        ("int64", "120178"),  # a string
        ("double", "b20100"),  # a member of the oneof that nobody knows here
        ("double", "980101"),  # a null that is none
        ("double", "00"),
    ],
)
def test_anything_else_is_broken(kind: str, data: str) -> None:
    assert decode_value(kind, bytes.fromhex(data))[1] is FeatureStatus.BROKEN


@pytest.mark.parametrize(("data", "seconds"), STAMPS)
def test_golden_stamps(data: str, seconds: float) -> None:
    assert decode_stamp(bytes.fromhex(data)) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize(
    "data",
    [
        "08",
        "0880",
        "18ff",
        "0880a985e50520ff",
        "0880a985e50510",
        "ff",
        "0880a985e505108080808010",  # 2**32 nanoseconds: four seconds to us, none to protobuf
        "080110ffffffffffffffffff01",  # one nanosecond before
    ],
)
def test_an_unreadable_stamp_is_unknown(data: str) -> None:
    assert decode_stamp(bytes.fromhex(data)) == UNKNOWN
    assert decode_stamp(None) == UNKNOWN


@given(st.integers(-(10**11), 10**11), st.integers(0, 999_999))
def test_every_stamp_comes_back(seconds: int, micros: int) -> None:
    exact = seconds + micros * 1e-6
    assert math.isclose(decode_stamp(encode_stamp(exact)), exact, abs_tol=1e-5)


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_integer_comes_back(number: int) -> None:
    assert decode_value("int64", encode_value("int64", number)) == (float(number), FeatureStatus.FRESH)


@given(st.sampled_from(sorted(TAGS)), st.binary(max_size=24))
def test_no_bytes_raise(kind: str, data: bytes) -> None:
    value, status = decode_value(kind, data)
    assert isinstance(value, float)
    assert status in FeatureStatus
    decode_stamp(data)
