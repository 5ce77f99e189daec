"""gRPC frames, timeouts, status headers and percent-encoding, without a socket."""

from contextlib import suppress
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import GatewayError, InvalidRequest, Overloaded, RequestTooLarge
from gateway.fronts.grpc_wire import (
    FrameReader,
    GrpcRefusal,
    frame,
    percent_encoded,
    status_headers,
    timeout_seconds,
    unframe,
)
from gateway.fronts.status import GrpcStatus

exact = settings(derandomize=True, deadline=None)


@exact
@given(st.binary(max_size=300))
def test_a_frame_comes_out_as_it_went_in(message: bytes) -> None:
    assert unframe(frame(message)) == message


@exact
@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 7))
def test_a_stream_is_cut_the_same_wherever_its_pieces_end(messages: list[bytes], size: int) -> None:
    data = b"".join(map(frame, messages))
    reader = FrameReader(limit=40)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert [message for piece in pieces for message in reader.feed(piece)] == messages


@exact
@given(st.binary(max_size=64))
def test_hostile_bytes_raise_nothing_else(body: bytes) -> None:
    with suppress(InvalidRequest, GrpcRefusal):
        assert frame(unframe(body)) == body
    with suppress(InvalidRequest, GrpcRefusal, RequestTooLarge):
        assert all(len(message) <= 32 for message in FrameReader(limit=32).feed(body))


def test_compressed_messages_of_a_stream_are_unimplemented() -> None:
    with pytest.raises(GrpcRefusal) as caught:
        unframe(b"\x01\x00\x00\x00\x00")
    assert caught.value.status is GrpcStatus.UNIMPLEMENTED


@pytest.mark.parametrize("body", [b"", b"\0\0\0\0", b"\0\0\0\0\x05abc", b"\0\0\0\0\0\0\0\0\0\0", b"\x02\0\0\0\0"])
def test_a_body_is_one_whole_message(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        unframe(body)


def test_a_stream_refuses_a_long_message_before_it_is_there() -> None:
    with pytest.raises(RequestTooLarge):
        FrameReader(limit=10).feed(b"\0\0\0\0\x0b")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"1H", 3600), (b"2M", 120), (b"3S", 3), (b"50m", 0.05), (b"7u", 7e-6), (b"9n", 9e-9), (b"99999999H", 3.6e11)],
)
def test_timeouts(value: bytes, seconds: float) -> None:
    assert timeout_seconds(value) == pytest.approx(seconds)


@pytest.mark.parametrize("value", [b"", b"m", b"5", b"5x", b"-5m", b"5.0m", b"123456789m", b"5 m", b"\xb2m", b"1e3m"])
def test_malformed_timeouts_are_named(value: bytes) -> None:
    with pytest.raises(InvalidRequest, match="grpc-timeout"):
        timeout_seconds(value)


@exact
@given(st.text(max_size=100))
def test_messages_survive_percent_encoding(message: str) -> None:
    encoded = percent_encoded(message)
    assert all(0x20 <= byte < 0x7F for byte in encoded)
    assert unquote(encoded.decode()) == message.encode("utf-8", "replace").decode()


def test_status_headers_name_the_code() -> None:
    assert status_headers(Overloaded("later, 100 %")) == [
        (b"grpc-status", b"8"),
        (b"grpc-message", b"later, 100 %25"),
        (b"sluice-code", b"OVERLOADED"),
        (b"grpc-retry-pushback-ms", b"-1"),
    ]
    assert status_headers(GatewayError("?"))[0] == (b"grpc-status", b"13")
