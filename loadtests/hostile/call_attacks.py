"""Attacks with calls that are well formed: no time, no patience, no end of connections, one connection for all."""

from itertools import count

from loadtests import frames
from loadtests.hostile.http2_peer import Http2Peer, call_block, head
from loadtests.hostile.peer import Peer
from loadtests.hostile.seen import Attack, Seen, Target

_CANCEL = (8).to_bytes(4, "big")
_CONNECTIONS = 2_000


def calls(message: bytes, timeout: str | None, at_once: int = 50) -> Attack:
    """Make calls with that `grpc-timeout`, or none, in groups over one connection; every one is waited for."""
    block = call_block() if timeout is None else call_block(grpc_timeout=timeout)

    def attack(target: Target, seen: Seen) -> None:
        while seen.goes_on():
            with Http2Peer(target.grpc, seen) as peer:
                streams = count(1, 2)
                while seen.goes_on() and not peer.over and not peer.leaving:
                    begun = peer.ended
                    peer.send(b"".join(_call(next(streams), block, message) for _ in range(at_once)))
                    seen.add("calls", at_once)
                    while peer.ended - begun < at_once and not peer.over:
                        peer.hear(1.0)

    return attack


def cancelled(message: bytes) -> Attack:
    """Make calls and cancel each a moment later, with their neighbours' answers on the way."""
    block = call_block(grpc_timeout="100m")

    def attack(target: Target, seen: Seen) -> None:
        while seen.goes_on():
            with Http2Peer(target.grpc, seen) as peer:
                streams = count(1, 2)
                while seen.goes_on() and not peer.over and not peer.leaving:
                    started = [next(streams) for _ in range(10)]
                    peer.send(b"".join(_call(stream, block, message) for stream in started))
                    seen.add("calls", len(started))
                    peer.hear(0.001)
                    peer.send(b"".join(frames.frame(frames.RST_STREAM, 0, stream, _CANCEL) for stream in started))
                    seen.add("cancelled", len(started))

    return attack


def unread(message: bytes) -> Attack:
    """Make calls on 20 connections and give no window to answer in."""

    def attack(target: Target, seen: Seen) -> None:
        peers = [Http2Peer(target.grpc, seen, unread=True) for _ in range(20)]
        for peer in peers:
            peer.send(b"".join(_call(stream, call_block(), message) for stream in range(1, 20, 2)))
            seen.add("calls", 10)
        while seen.goes_on():
            for peer in peers:
                peer.hear(0.01)
        for peer in peers:
            peer.leave()

    return attack


def connections(target: Target, seen: Seen) -> None:
    """Open 2,000 connections, half to each port, hold them without a word, then speak on every tenth."""
    peers = [Peer(target.grpc if number % 2 else target.http, seen) for number in range(_CONNECTIONS)]
    while seen.goes_on():
        for peer in peers[::10]:
            peer.listen(0.001)
    for peer in peers:
        if not peer.over:
            seen.add("still open")
        peer.leave()


def _call(stream: int, block: bytes, message: bytes) -> bytes:
    body = b"\0" + len(message).to_bytes(4, "big") + message
    return head(stream, block) + frames.frame(frames.DATA, frames.END_STREAM, stream, body)
