"""One HTTP/2 connection as a client sees it, without its socket: gRPC and JSON both travel over it.

`receive` is one loop with the two common kinds of frame in it, not a tidy dispatch: it runs three times a call, and
what it costs is the generator's own share of every figure.
"""

from loadtests import frames
from loadtests.exchange import NO_FIELDS, Exchange, WireError
from loadtests.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HAS_PRIORITY,
    HEAD_BYTES,
    HEADERS,
    PADDED,
    content,
    unpack_head,
)
from loadtests.header_block import BlockReader

_GIVE_BACK_AT = 2**29
_BLOCK_KINDS = HEADERS, CONTINUATION
_OPENING = (
    frames.PREFACE
    + frames.settings(
        {frames.HEADER_TABLE_SIZE: 0, frames.ENABLE_PUSH: 0, frames.INITIAL_WINDOW_SIZE: frames.LARGEST_WINDOW}
    )
    + frames.window_update(frames.LARGEST_WINDOW - frames.DEFAULT_WINDOW)
)


class Http2Wire:
    """Starts a call as HEADERS and DATA written together, gathers what comes back by stream."""

    def __init__(self, head_block: bytes, reader: BlockReader) -> None:
        self._head_start = frames.frame(HEADERS, END_HEADERS, 0, head_block)[:5]
        self._head_block = head_block
        self._reader = reader
        self._calls: dict[int, Exchange] = {}
        self._next_stream = 1
        self._opening = _OPENING
        self._rest = b""
        self._begun_block = 0, b""
        self._window = self._stream_window = frames.DEFAULT_WINDOW
        self._most_streams = frames.LARGEST_WINDOW
        self._consumed = 0
        self.leaving = False

    def start(self, exchange: Exchange) -> bytes:
        """Open a stream for the call; the connection's own opening goes before the first."""
        body, stream = exchange.request.body, self._next_stream
        size = len(body)
        if self.leaving or size > self._window or size > self._stream_window or len(self._calls) >= self._most_streams:
            return b""
        self._calls[stream] = exchange
        self._next_stream = stream + 2
        self._window -= size
        number = stream.to_bytes(4, "big")
        opening, self._opening = self._opening, b""
        data_start = size.to_bytes(3, "big") + b"\0\1"
        return b"".join((opening, self._head_start, number, self._head_block, data_start, number, body))

    def receive(self, data: bytes) -> tuple[list[Exchange], bytes]:
        """Take in the server's bytes: calls that ended with them, and acknowledgements owed."""
        if self._rest:
            data = self._rest + data
        calls = self._calls
        done: list[Exchange] = []
        owed = b""
        at, size = 0, len(data)
        while size - at >= HEAD_BYTES:
            high, low, kind, flags, stream = unpack_head(data, at)
            end = at + HEAD_BYTES + (high << 16 | low)
            if end > size:
                break
            payload = data[at + HEAD_BYTES : end]
            at = end
            exchange = calls.get(stream)
            if kind == DATA:
                self._consumed += len(payload)
                if exchange is not None:
                    exchange.body += content(payload, PADDED) if flags & PADDED else payload
            elif kind in _BLOCK_KINDS:
                flags = self._take_block(exchange, kind, flags, payload)
            else:
                owed += self._take_control(kind, flags, stream, payload, done)
                continue
            if flags & END_STREAM and exchange is not None:
                done.append(calls.pop(stream))
        self._rest = data[at:]
        if self._consumed > _GIVE_BACK_AT:  # each stream's own window is larger than any answer
            owed += frames.window_update(self._consumed)
            self._consumed = 0
        if owed and self._opening:  # a server may speak before it is asked anything: grpc-core does
            owed, self._opening = self._opening + owed, b""
        return done, owed

    def abandon(self) -> list[Exchange]:
        """Forget the calls in flight and return them."""
        calls, self._calls = list(self._calls.values()), {}
        return calls

    def _take_block(self, exchange: Exchange | None, kind: int, flags: int, payload: bytes) -> int:
        """Take a header block or a piece of one; return the flags that hold now, none before its end."""
        if kind == CONTINUATION:
            begun_flags, begun = self._begun_block
            payload, flags = begun + payload, begun_flags | flags & END_HEADERS
        elif flags & (PADDED | HAS_PRIORITY):
            payload = content(payload, flags)
        if not flags & END_HEADERS:
            self._begun_block = flags, payload
            return 0
        fields = self._reader.read(payload)  # read for a forgotten stream too: a broken block ends the connection
        if exchange is None:
            return flags
        if exchange.head is NO_FIELDS or exchange.head[":status"][0] == "1":
            exchange.head = fields
        else:
            exchange.trailers = fields
        return flags

    def _take_control(self, kind: int, flags: int, stream: int, payload: bytes, done: list[Exchange]) -> bytes:
        if kind == frames.SETTINGS and not flags & frames.ACK:
            self._heed(frames.read_settings(payload))
            return frames.frame(frames.SETTINGS, frames.ACK, 0, b"")
        if kind == frames.PING and not flags & frames.ACK:
            return frames.frame(frames.PING, frames.ACK, 0, payload)
        if kind == frames.WINDOW_UPDATE and stream == 0:
            self._window += int.from_bytes(payload, "big")
        elif kind == frames.RST_STREAM:
            done += self._break([stream], f"stream reset: {frames.error_name(payload)}")
        elif kind == frames.GOAWAY:
            self.leaving = True
            last = int.from_bytes(payload[:4], "big")
            reason = f"refused by GOAWAY: {frames.error_name(payload[4:8])}"
            done += self._break([number for number in self._calls if number > last], reason)
        elif kind == frames.PUSH_PROMISE:
            raise WireError("a promise was pushed although pushing is off")
        return b""

    def _heed(self, values: dict[int, int]) -> None:
        self._most_streams = values.get(frames.MAX_CONCURRENT_STREAMS, self._most_streams)
        self._stream_window = values.get(frames.INITIAL_WINDOW_SIZE, self._stream_window)

    def _break(self, streams: list[int], reason: str) -> list[Exchange]:
        broken = [self._calls.pop(stream) for stream in streams if stream in self._calls]
        for exchange in broken:
            exchange.broken = reason
        return broken
