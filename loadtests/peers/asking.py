"""Asking a peer over HTTP in JSON or over gRPC: the envelope that all of them share."""

from collections.abc import Callable

from loadtests.answer import Read, over_grpc, over_json
from loadtests.cases import Case
from loadtests.dialect import Dialect, grpc_frame
from loadtests.exchange import Request
from loadtests.header_block import BlockReader, post_block
from loadtests.http1 import Http1Wire, post_head
from loadtests.http2 import Http2Wire

Address = tuple[str, int]
Encode = Callable[[Case, str], bytes]
"""Encode a case's body; the text is the number of its row, and travels as the request's id."""


def json_dialect(address: Address, path: str, encode: Encode, read: Read) -> Dialect:
    """Ask by POST over HTTP/1.1."""
    head = post_head(path, {"host": "{}:{}".format(*address), "content-type": "application/json"})

    def posted(case: Case, number: str) -> Request:
        return Request(encode(case, number), number)

    return Dialect("http", False, posted, lambda: Http1Wire(head), over_json(read))


def grpc_dialect(address: Address, method: str, encode: Encode, read: Read) -> Dialect:
    """Ask by a unary gRPC call. No deadline: over HTTP nobody would keep one, and all shall do the same work."""
    authority = "{}:{}".format(*address)
    fields = {":path": method, ":authority": authority, "content-type": "application/grpc", "te": "trailers"}
    block, reader = post_block(fields), BlockReader()

    def framed(case: Case, number: str) -> Request:
        return grpc_frame(encode(case, number), number)

    return Dialect(
        "grpc", True, framed, lambda: Http2Wire(block, reader), over_grpc("the message that was asked for", read)
    )
