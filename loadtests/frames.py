"""HTTP/2 frames as bytes: their numbers, and how they are written and read (RFC 9113, sections 4 and 6)."""

from struct import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ACK = END_STREAM = 0x1
END_HEADERS, PADDED, HAS_PRIORITY = 0x4, 0x8, 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 1, 2, 3, 4

DEFAULT_WINDOW = 65_535
LARGEST_WINDOW = 2**31 - 1
LARGEST_PAYLOAD = 16_384  # what every peer must accept in one frame

ERROR_NAMES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)

HEAD_BYTES = 9
unpack_head = Struct(">BHBBL").unpack_from
"""Read a frame's head: high byte of the length, its low two, type, flags, stream."""

_SETTING = Struct(">HL")


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Write one frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def settings(values: dict[int, int]) -> bytes:
    """Write a SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(*item) for item in values.items()))


def window_update(increment: int) -> bytes:
    """Write a WINDOW_UPDATE frame for the whole connection."""
    return frame(WINDOW_UPDATE, 0, 0, increment.to_bytes(4, "big"))


def read_settings(payload: bytes) -> dict[int, int]:
    """Read the values of a SETTINGS frame."""
    return dict(_SETTING.iter_unpack(payload[: len(payload) // 6 * 6]))


def content(payload: bytes, flags: int) -> bytes:
    """Return what a HEADERS frame (or a DATA frame, which has no priority) carries beside padding and priority."""
    if flags & PADDED:
        payload = payload[1 : len(payload) - payload[0]]
    return payload[5:] if flags & HAS_PRIORITY else payload


def error_name(code: bytes) -> str:
    """Name an HTTP/2 error code."""
    number = int.from_bytes(code, "big")
    return ERROR_NAMES[number] if number < len(ERROR_NAMES) else f"error {number}"
