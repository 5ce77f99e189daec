"""The gRPC wire, bytes in and bytes out: frames, `grpc-timeout`, status and percent-encoded messages.

Written from the protocol document (grpc/doc/PROTOCOL-HTTP2.md). Answers are never compressed here: a prediction is
smaller than what compression would save. Requests may be, because NVIDIA's clients can be told to; no more is unpacked
than would have been taken as it is.
"""

from functools import lru_cache
from urllib.parse import quote

from gateway.errors import GatewayError, InvalidRequest, RequestTooLarge
from gateway.fronts.asgi import HeaderList
from gateway.fronts.compression import ENCODINGS, inflated
from gateway.fronts.retry_hint import pushback
from gateway.fronts.status import GRPC_STATUS, GrpcStatus

PREFIX_BYTES = 5
_COMPRESSED = b"\1"

_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_TIMEOUT_DIGITS = 8
# Printable ASCII but the percent sign travels as it is.
_PLAIN = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_LONGEST_MESSAGE = 400  # characters; each may become twelve bytes


class GrpcRefusal(Exception):
    """A refusal in gRPC's own terms, for what is not a prediction: unknown methods, compression, health, reflection."""

    def __init__(self, status: GrpcStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def frame(message: bytes) -> bytes:
    """Put the five-byte prefix before a message."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def is_framed(body: bytes) -> bool:
    """Whether these bytes are one message with its prefix, which is all that a unary request has."""
    return len(body) >= PREFIX_BYTES and int.from_bytes(body[1:PREFIX_BYTES], "big") == len(body) - PREFIX_BYTES


def unframe(body: bytes) -> bytes:
    """Take the one message out of a unary request's body."""
    if len(body) < PREFIX_BYTES:
        raise InvalidRequest("the request body holds no gRPC message")
    _refuse_flag(body[0])
    if not is_framed(body):
        raise InvalidRequest("the request body is not one whole gRPC message")
    return body[PREFIX_BYTES:]


def message_of(body: bytes, encoding: bytes | None, limit: int) -> bytes:
    """Take the one message out of a unary request's body; where it is compressed, its header names the `encoding`."""
    if body[:1] != _COMPRESSED:
        return unframe(body)
    if encoding not in ENCODINGS:
        raise GrpcRefusal(GrpcStatus.UNIMPLEMENTED, "grpc-encoding must be gzip, deflate or identity")
    if not is_framed(body):
        raise InvalidRequest("the request body is not one whole gRPC message")
    return inflated(body[PREFIX_BYTES:], limit)


class FrameReader:
    """Cuts the body of a streaming request into messages as its bytes arrive."""

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray()
        self._limit = limit

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes and return the messages that are now whole."""
        buffer = self._buffer
        buffer += data
        messages = []
        while len(buffer) >= PREFIX_BYTES:
            _refuse_flag(buffer[0])
            end = PREFIX_BYTES + int.from_bytes(buffer[1:PREFIX_BYTES], "big")
            if end - PREFIX_BYTES > self._limit:
                raise RequestTooLarge(f"the message is longer than {self._limit} bytes")
            if len(buffer) < end:
                break
            messages.append(bytes(buffer[PREFIX_BYTES:end]))
            del buffer[:end]
        return messages


@lru_cache(maxsize=256)
def timeout_seconds(value: bytes) -> float:
    """Seconds from the header `grpc-timeout`: at most eight digits and a unit."""
    digits, unit = value[:-1], _UNITS.get(value[-1:])
    if unit is None or not digits.isdigit() or len(digits) > _TIMEOUT_DIGITS:
        raise InvalidRequest(
            "header grpc-timeout must be up to eight digits and a unit (H, M, S, m, u, n), such as 50m"
        )
    return int(digits) * unit


def status_headers(error: GatewayError | GrpcRefusal, left: float = 0.0) -> HeaderList:
    """The status of a failed call; `sluice-code` tells apart what shares a gRPC status.

    `left` is what remains to the caller's deadline, in seconds: it decides whether to try again can be any use.
    """
    if isinstance(error, GrpcRefusal):
        return [(b"grpc-status", b"%d" % error.status), (b"grpc-message", percent_encoded(str(error)))]
    status = GRPC_STATUS.get(type(error), GrpcStatus.INTERNAL)
    return _status_headers(int(status), str(error), error.code, pushback(error, left))


@lru_cache(maxsize=512)
def _status_headers(status: int, message: str, code: str, hint: str | None) -> HeaderList:
    """Remembered, because refusals under overload are many and alike."""
    headers = [
        (b"grpc-status", b"%d" % status),
        (b"grpc-message", percent_encoded(message)),
        (b"sluice-code", code.encode()),
    ]
    return headers if hint is None else [*headers, (b"grpc-retry-pushback-ms", hint.encode())]


def percent_encoded(message: str) -> bytes:
    """A message fit for `grpc-message`: UTF-8, with everything but printable ASCII percent-encoded."""
    return quote(shortened(message), safe=_PLAIN, errors="replace").encode()


def shortened(message: str) -> str:
    """The beginning of a message: callers' clients break on metadata of more than a few kilobytes."""
    return message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + "…"


def _refuse_flag(flag: int) -> None:
    if flag == 1:
        raise GrpcRefusal(
            GrpcStatus.UNIMPLEMENTED, "messages of a stream are not to be compressed: send grpc-encoding identity"
        )
    if flag:
        raise InvalidRequest("the gRPC message's compressed flag must be 0")
