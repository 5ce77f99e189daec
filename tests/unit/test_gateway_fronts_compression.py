"""Compressed requests: unpacked whole, and never to more than may come as it is."""

import gzip
import tracemalloc
import zlib

import pytest

from gateway.errors import InvalidRequest, RequestTooLarge
from gateway.fronts.compression import inflated

BODY = b"a body of some length" * 10


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_what_was_packed_is_unpacked(pack: object) -> None:
    assert callable(pack)
    assert inflated(pack(BODY), len(BODY)) == BODY
    assert inflated(pack(b""), 0) == b""
    with pytest.raises(RequestTooLarge):
        inflated(pack(BODY), len(BODY) - 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"plain",
        gzip.compress(BODY, mtime=0)[:-1],
        gzip.compress(BODY, mtime=0) + b"x",
        gzip.compress(BODY, mtime=0) * 2,
        zlib.compress(BODY)[:-1] + b"\0",
    ],
)
def test_what_is_not_one_whole_stream_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        inflated(body, 1 << 20)


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    bomb = gzip.compress(bytes(100 << 20))
    tracemalloc.start()
    with pytest.raises(RequestTooLarge):
        inflated(bomb, 1 << 20)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 << 20
