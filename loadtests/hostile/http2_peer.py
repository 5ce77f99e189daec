"""A raw HTTP/2 connection: any frame out, and what the gateway says by frames, counted."""

from loadtests import frames
from loadtests.frames import HEAD_BYTES, unpack_head
from loadtests.header_block import post_block
from loadtests.hostile.peer import Peer
from loadtests.hostile.seen import Seen

PREDICT = "/sluice.v1.Predictions/Predict"

_OPENING = (
    frames.PREFACE
    + frames.settings({frames.ENABLE_PUSH: 0, frames.INITIAL_WINDOW_SIZE: frames.LARGEST_WINDOW})
    + frames.window_update(frames.LARGEST_WINDOW - frames.DEFAULT_WINDOW)
)
_UNREAD = frames.PREFACE + frames.settings({frames.ENABLE_PUSH: 0, frames.INITIAL_WINDOW_SIZE: 0})


class Http2Peer(Peer):
    """Opens with the preface and settings; `window` is what the gateway allows to be sent on the connection.

    With `unread` it gives the gateway no window to answer in.
    """

    def __init__(self, address: tuple[str, int], seen: Seen, *, unread: bool = False) -> None:
        super().__init__(address, seen)
        self.window = self.stream_window = frames.DEFAULT_WINDOW
        self.leaving = False
        self.ended = 0
        self.send(_UNREAD if unread else _OPENING)

    def hear(self, seconds: float = 0.0) -> bool:
        """Count the frames that have come, or that come first within `seconds`; return whether anything came."""
        came = bool(self.listen(seconds))
        at, data = 0, self.received
        while len(data) - at >= HEAD_BYTES:
            high, low, kind, flags, stream = unpack_head(data, at)
            end = at + HEAD_BYTES + (high << 16 | low)
            if end > len(data):
                break
            self._take(kind, flags, stream, data[at + HEAD_BYTES : end])
            at = end
        self.received = data[at:]
        return came

    def hear_out(self, seconds: float) -> None:
        """Count frames until the gateway closes, or says nothing for `seconds`."""
        while self.hear(seconds):
            pass

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == frames.GOAWAY:
            self.leaving = True
            self._seen.add(f"GOAWAY {frames.error_name(payload[4:8])}")
        elif kind == frames.RST_STREAM:
            self._seen.add(f"RST_STREAM {frames.error_name(payload)}")
            self.ended += 1
        elif kind == frames.HEADERS and flags & frames.END_STREAM:
            self._seen.add("answers")
            self.ended += 1
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            values = frames.read_settings(payload)
            self.stream_window = values.get(frames.INITIAL_WINDOW_SIZE, self.stream_window)
            self.send(frames.frame(frames.SETTINGS, frames.ACK, 0, b""))
        elif kind == frames.WINDOW_UPDATE:
            increment = int.from_bytes(payload, "big")
            if stream:
                self.stream_window += increment
            else:
                self.window += increment


def call_block(**fields: str) -> bytes:
    """The header block of a gRPC call, with `fields` beside."""
    head = {":authority": "gateway", ":path": PREDICT, "content-type": "application/grpc", "te": "trailers"}
    return post_block({**head, **{name.replace("_", "-"): value for name, value in fields.items()}})


def head(stream: int, block: bytes, *, ends: bool = True) -> bytes:
    """HEADERS of a call whose body is still to come; without `ends`, so is the rest of its header block."""
    return frames.frame(frames.HEADERS, frames.END_HEADERS if ends else 0, stream, block)
