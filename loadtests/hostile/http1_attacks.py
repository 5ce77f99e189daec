"""Attacks with HTTP/1.1's own words: heads that never end, calls that are left midway, JSON of great depth."""

import time
from itertools import product

from loadtests.hostile.peer import Peer
from loadtests.hostile.seen import Seen, Target

PATH = b"/v1/deployments/fraud:predict"
_FIELDS = b" HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
_START = b"POST " + PATH + _FIELDS
_BODY = b'{"entities":{"card_id":1,"store_id":2},"features":{"amount":1.0,"customer_present":true}}'


def request(path: bytes, body: bytes) -> bytes:
    """A whole request."""
    return b"POST %b%bcontent-length: %d\r\n\r\n%b" % (path, _FIELDS, len(body), body)


def status(peer: Peer) -> str:
    """The status of the answer that has come, or what came instead."""
    line = peer.received.split(b"\r\n", 1)[0].decode("latin-1")
    words = line.split(" ")
    return words[1] if len(words) > 2 and line.startswith("HTTP/1.1 ") else "no answer"


def endless_lines(target: Target, seen: Seen) -> None:
    """Send header lines for ever."""
    _for_ever(target, seen, _START, b"x-a: %b\r\n" % (b"a" * 100) * 600)


def endless_line(target: Target, seen: Seen) -> None:
    """Send one header line for ever."""
    _for_ever(target, seen, _START + b"x-a: ", b"a" * 65_536)


def endless_path(target: Target, seen: Seen) -> None:
    """Send a request line for ever."""
    _for_ever(target, seen, b"GET /", b"a" * 65_536)


def _for_ever(target: Target, seen: Seen, start: bytes, piece: bytes) -> None:
    while seen.goes_on():
        with Peer(target.http, seen) as peer:
            peer.send(start)
            while seen.goes_on() and not peer.over:
                peer.send(piece)
                seen.add("bytes", len(piece))
                peer.listen()
            peer.listen(0.2)
            seen.add(status(peer))


def slow_heads(target: Target, seen: Seen) -> None:
    """Hold 200 connections, and send on each a byte of a head now and then (slow loris)."""
    peers = [Peer(target.http, seen) for _ in range(200)]
    for peer in peers:
        peer.send(_START)
    while seen.goes_on():
        for peer in peers:
            peer.send(b"x")
            peer.listen()
        time.sleep(0.1)
    for peer in peers:
        if not peer.over:
            seen.add("still open")
        peer.leave()


def left_midway(target: Target, seen: Seen) -> None:
    """Ask and leave at once, without waiting for the answer."""
    while seen.goes_on():
        with Peer(target.http, seen) as peer:
            peer.send(request(PATH, _BODY))
            seen.add("calls")
            peer.leave()


def deep_json(target: Target, seen: Seen) -> None:
    """Send JSON that is 1,000 deep, and as deep as the body may be long."""
    while seen.goes_on():
        for depth in (1_000, 500_000):
            for path, body in product((PATH, PATH + b"Many"), _deep(depth)):
                with Peer(target.http, seen) as peer:
                    peer.send(request(path, body))
                    peer.listen(10.0)
                    seen.add(status(peer))


def _deep(depth: int) -> tuple[bytes, ...]:
    lists, maps = b"[" * depth + b"]" * depth, b'{"a":' * (depth // 6) + b"1" + b"}" * (depth // 6)
    return (
        lists,
        maps,
        b'{"entities":' + lists + b"}",
        b'{"features":{"amount":' + maps + b"}}",
        b'{"rows":[' + lists + b"]}",
        b"[" * depth,
    )
