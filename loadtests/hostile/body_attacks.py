"""Attacks with bodies: longer than any call is, by both protocols, declared and not."""

from loadtests import frames
from loadtests.hostile.http1_attacks import PATH, status
from loadtests.hostile.http2_peer import Http2Peer, call_block, head
from loadtests.hostile.peer import Peer
from loadtests.hostile.seen import Attack, Seen, Target

_MEGABYTE = 1 << 20
_PIECE = bytes(1 << 14)


def declared(megabytes: int) -> Attack:
    """Say over HTTP/1.1 how long the body is, and send it all."""
    size = megabytes * _MEGABYTE
    return lambda target, seen: _over_http1(target, seen, b"content-length: %d" % size, _PIECE, size)


def chunked(megabytes: int) -> Attack:
    """Send a body over HTTP/1.1 in chunks, without having said how long it is."""
    chunk = b"%x\r\n%b\r\n" % (len(_PIECE), _PIECE)
    return lambda target, seen: _over_http1(
        target, seen, b"transfer-encoding: chunked", chunk, megabytes * _MEGABYTE, end=b"0\r\n\r\n"
    )


def _over_http1(target: Target, seen: Seen, length: bytes, piece: bytes, size: int, end: bytes = b"") -> None:
    while seen.goes_on():
        with Peer(target.http, seen) as peer:
            peer.send(b"POST %b HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n" % PATH)
            peer.send(length + b"\r\n\r\n")
            for _ in range(size // len(_PIECE)):
                if peer.over or not seen.goes_on():
                    break
                peer.send(piece)
                seen.add("bytes", len(piece))
                peer.listen()
            peer.send(end)
            peer.listen(0.5)
            seen.add(status(peer))


def message(megabytes: int) -> Attack:
    """Send a gRPC message of that length, as fast as the gateway's windows allow."""
    return lambda target, seen: _over_http2(target, seen, megabytes * _MEGABYTE, heeds=True)


def beyond_windows(target: Target, seen: Seen) -> None:
    """Send a gRPC message of 10 MB and heed no window."""
    _over_http2(target, seen, 10 * _MEGABYTE, heeds=False)


def _over_http2(target: Target, seen: Seen, size: int, *, heeds: bool) -> None:
    while seen.goes_on():
        with Http2Peer(target.grpc, seen) as peer:
            peer.hear(1.0)
            peer.send(head(1, call_block()) + frames.frame(frames.DATA, 0, 1, b"\0" + size.to_bytes(4, "big")))
            sent = 5
            while sent < size and seen.goes_on() and not (peer.over or peer.leaving or (heeds and peer.ended)):
                if heeds and min(peer.window, peer.stream_window) - sent < len(_PIECE):
                    peer.hear(0.2)
                    continue
                peer.send(frames.frame(frames.DATA, 0, 1, _PIECE))
                sent += len(_PIECE)
                peer.hear()
            seen.add("bytes", sent)
            peer.hear_out(0.5)


def unfinished(target: Target, seen: Seen) -> None:
    """Begin 200 messages on each of five connections, send most of a megabyte of each, and never finish one."""
    peers = [Http2Peer(target.grpc, seen) for _ in range(5)]
    streams = range(1, 400, 2)
    declared = b"\0" + (_MEGABYTE).to_bytes(4, "big")
    for peer in peers:
        peer.hear(1.0)
        peer.send(b"".join(head(n, call_block()) + frames.frame(frames.DATA, 0, n, declared) for n in streams))
        seen.add("messages", len(streams))
    piece = 0
    while seen.goes_on():
        stream = streams[piece // 60 % len(streams)]
        for peer in peers:
            peer.hear()
            if not peer.over and peer.window > 2 * len(_PIECE) and piece < 60 * len(streams):
                peer.send(frames.frame(frames.DATA, 0, stream, _PIECE))
                peer.window -= len(_PIECE)
                seen.add("bytes", len(_PIECE))
        piece += 1
    for peer in peers:
        peer.leave()
