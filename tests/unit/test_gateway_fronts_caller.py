"""What a caller's metadata becomes."""

import math

import pytest

from gateway.call import Priority
from gateway.errors import InvalidRequest
from gateway.fronts.caller import Caller, RequestIds, milliseconds
from gateway.fronts.limits import FrontLimits

LIMITS = FrontLimits()


def read(headers: dict[bytes, bytes]) -> Caller:
    caller = Caller(5.0)
    caller.read(headers, LIMITS)
    return caller


def test_nothing_given() -> None:
    assert read({}).priority is Priority.DEFAULT
    assert read({}).deadline == math.inf


def test_everything_given() -> None:
    caller = read(
        {b"x-request-id": b"r", b"sluice-unit": "ü".encode(), b"sluice-priority": b"critical", b"traceparent": b"00-1"}
    )
    assert (caller.request_id, caller.unit, caller.priority, caller.traceparent) == (
        "r",
        "ü",
        Priority.CRITICAL,
        "00-1",
    )


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({b"x-request-id": b"\xff"}, "x-request-id"),
        ({b"sluice-unit": b"\xff"}, "sluice-unit"),
        ({b"sluice-priority": b"Critical"}, "sluice-priority"),
    ],
)
def test_what_cannot_be_read_is_named(headers: dict[bytes, bytes], named: str) -> None:
    with pytest.raises(InvalidRequest, match=named):
        read(headers)


@pytest.mark.parametrize("value", [b"", b"-1", b"1.5", b"1e3", b" 5", b"12345678901", b"\xb2"])
def test_malformed_milliseconds(value: bytes) -> None:
    with pytest.raises(InvalidRequest, match="sluice-timeout-ms"):
        milliseconds(value)


def test_milliseconds() -> None:
    assert milliseconds(b"50") == 0.05


@pytest.mark.parametrize(
    ("unit", "fits"), [("u" * 256, True), ("u" * 257, False), ("ü" * 128, True), ("ü" * 129, False)]
)
def test_units_are_measured_in_bytes(unit: str, fits: bool) -> None:
    caller = Caller(0.0)
    if fits:
        caller.settle("", unit, LIMITS, RequestIds())
        assert caller.unit == unit
    else:
        with pytest.raises(InvalidRequest, match="256"):
            caller.settle("", unit, LIMITS, RequestIds())


def test_request_ids_differ_by_process_and_by_call() -> None:
    one, other = RequestIds(), RequestIds()
    assert len({one(), one(), other(), other()}) == 4


def test_limits_are_checked_when_made() -> None:
    with pytest.raises(ValueError, match="max_rows"):
        FrontLimits(max_rows=0)
