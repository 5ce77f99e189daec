"""Asking a peer over HTTP in JSON or over gRPC: the envelope that all of them share, and how it is judged."""

from collections.abc import Callable

import msgspec
from google.protobuf.message import DecodeError

from loadtests.answer import Judge, Verdict, grpc_body
from loadtests.cases import Case
from loadtests.dialect import Dialect, grpc_frame
from loadtests.exchange import Exchange, Request
from loadtests.header_block import BlockReader, post_block
from loadtests.http1 import Http1Wire, post_head
from loadtests.http2 import Http2Wire

Address = tuple[str, int]
Encode = Callable[[Case, str], bytes]
"""Encode a case's body; the text is the number of its row."""
Read = Callable[[bytes, str], Verdict]
"""Judge an answer's body; the text is the number of the row that was asked. Raises what its decoder raises."""


def json_dialect(address: Address, path: str, encode: Encode, read: Read) -> Dialect:
    """Ask by POST over HTTP/1.1."""
    head = post_head(path, {"host": "{}:{}".format(*address), "content-type": "application/json"})

    def posted(case: Case, number: str) -> Request:
        return Request(encode(case, number), number)

    return Dialect("http", False, posted, lambda: Http1Wire(head), json_judge(read))


def grpc_dialect(address: Address, method: str, encode: Encode, read: Read) -> Dialect:
    """Ask by a unary gRPC call. No deadline: over HTTP nobody would keep one, and all shall do the same work."""
    authority = "{}:{}".format(*address)
    fields = {":path": method, ":authority": authority, "content-type": "application/grpc", "te": "trailers"}
    block, reader = post_block(fields), BlockReader()

    def framed(case: Case, number: str) -> Request:
        return grpc_frame(encode(case, number), number)

    return Dialect("grpc", True, framed, lambda: Http2Wire(block, reader), grpc_judge(read))


def json_judge(read: Read) -> Judge:
    """Judge an answer of status 200 by `read`; everything else is a fault."""

    def judge(exchange: Exchange) -> Verdict:
        if exchange.broken:
            return Verdict(exchange.broken)
        status = exchange.head.get(":status")
        if status != "200":
            return Verdict(f"HTTP {status}", exchange.body[:300].decode(errors="replace"))
        try:
            return read(exchange.body, exchange.request.request_id)
        except msgspec.DecodeError as exc:
            return Verdict("not an answer in JSON", f"{exc}: {exchange.body[:200]!r}")

    return judge


def grpc_judge(read: Read) -> Judge:
    """Judge an answer of grpc-status 0 by `read`; everything else is a fault."""

    def judge(exchange: Exchange) -> Verdict:
        body = grpc_body(exchange)
        if isinstance(body, Verdict):
            return body
        try:
            return read(body, exchange.request.request_id)
        except DecodeError as exc:
            return Verdict("not the message that was asked for", str(exc))

    return judge
