"""Undoes what a caller compressed, never to more than a limit."""

import zlib

from gateway.errors import InvalidRequest, RequestTooLarge

ENCODINGS = frozenset({b"gzip", b"deflate"})
_EITHER_HEAD = 32 + zlib.MAX_WBITS  # gzip's or zlib's own, whichever stands there


def inflated(body: bytes, limit: int) -> bytes:
    """Return the bytes behind gzip or deflate. Raises `InvalidRequest`, or `RequestTooLarge` beyond `limit` bytes."""
    undoing = zlib.decompressobj(_EITHER_HEAD)
    try:
        whole = undoing.decompress(body, limit + 1)
    except zlib.error as exc:
        raise InvalidRequest(f"the body cannot be decompressed: {exc}") from exc
    if len(whole) > limit:
        raise RequestTooLarge(f"the body is longer than {limit} bytes when it is decompressed")
    if not undoing.eof or undoing.unused_data:
        raise InvalidRequest("the compressed body is not one whole stream of gzip or deflate")
    return whole
