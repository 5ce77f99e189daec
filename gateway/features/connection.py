"""One connection to Redis: commands out, replies in, and a count of the replies that are still owed.

Own protocol instead of redis-py's client: that one spends 80 us of event loop per pipeline and, when a read is
cancelled, must throw the connection away, because it does not know how many replies are still to come. Here a list that
gave up leaves its replies owed, they are counted off when they come, and the next list gets its own.

A server that says nothing while it owes replies is taken for frozen, and is not asked until it speaks. That is all the
circuit breaker there is: no count of failures, which would also count lists in a hurry on a healthy server, and no
trials, for the replies that are owed are the trial. They come in the moment of the thaw, and cost a server in trouble
nothing. It is judged by connection, so that one whose path is cut leaves its lists to the others.

Nothing here waits or sets a timer. Writing is not paced: what is owed is bounded, so the send buffer is too.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import hiredis

from gateway.features.decode import Reply

_MORE: Final = object()


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """When a connection is beyond hope: dropped, and opened anew by its keeper."""

    owed: int = 4096
    """Replies owed before the next list; a healthy server owes a few hundred."""
    silence: float = 0.1
    """Seconds without a word, while replies are owed, after which only lists that would wait for longer ask."""
    patience: float = 2.0
    """Seconds that the oldest reply may be owed when the next list comes: a peer that vanished says nothing."""
    reply_bytes: int = 1 << 20
    """Bytes of a reply that is not yet whole; a feature is nine."""


class Batch:
    """The replies of one list's commands. `arrived` gets them all, or those that came before the list gave up."""

    __slots__ = ("_replies", "arrived", "asked", "owed")

    def __init__(self, owed: int, asked: float, arrived: "asyncio.Future[list[Reply]]") -> None:
        self.owed = owed
        self.asked = asked
        self.arrived = arrived
        self._replies: list[Reply] = []

    def add(self, reply: Reply) -> None:
        """Count a reply, and keep it if the list still waits."""
        self.owed -= 1
        if not self.arrived.done():
            self._replies.append(reply)
            if not self.owed:
                self.arrived.set_result(self._replies)

    def give_up(self) -> None:
        """Hand over what has come."""
        if not self.arrived.done():
            self.arrived.set_result(self._replies)


class Connection(asyncio.Protocol):
    """One socket's life: it is never opened again. `lost` gets the reason when it is over."""

    def __init__(self, limits: ConnectionLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader(notEnoughData=_MORE)
        self._waiting: deque[Batch] = deque()
        self._heard = 0.0
        self.owed = 0
        self.lost: asyncio.Future[str] = self._loop.create_future()

    def ask(self, commands: bytes, owed: int) -> Batch | None:
        """Send commands that get `owed` replies. None when the connection is over."""
        if self._transport is None:
            return None
        batch = Batch(owed, self._clock(), self._loop.create_future())
        self._waiting.append(batch)
        self.owed += owed
        self._transport.write(commands)
        return batch

    @property
    def alive(self) -> bool:
        """Whether it is open."""
        return self._transport is not None

    def listens(self, now: float, wait: float) -> bool:
        """Whether to ask it, for a list that would wait so long. One that is found to be beyond hope is dropped."""
        if not self._waiting:
            return self._transport is not None
        asked = self._waiting[0].asked
        if self.owed > self._limits.owed or now - asked > self._limits.patience:
            self.drop(f"{self.owed} replies owed for {now - asked:.1f} s")
            return False
        return now - max(asked, self._heard) <= max(self._limits.silence, wait)

    def drop(self, reason: str) -> None:
        """Close at once; whoever waits gets what has come."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        if not self.lost.done():
            self.lost.set_result(reason)
        while self._waiting:
            self._waiting.popleft().give_up()
        self.owed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Give every whole reply to the list that is next in turn."""
        if self._transport is None:
            return
        reader, waiting = self._reader, self._waiting
        self._heard = self._clock()
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _MORE:
                batch = waiting[0]
                batch.add(reply)
                self.owed -= 1
                if not batch.owed:
                    waiting.popleft()
        except (hiredis.HiredisError, IndexError, TypeError) as exc:  # TypeError: a map by a key that cannot be one
            self.drop(f"not the replies that were asked for: {exc!r}")
            return
        if reader.len() > self._limits.reply_bytes:
            self.drop(f"a reply of more than {self._limits.reply_bytes} bytes")

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._transport = None
        self.drop(str(exc) if exc else "closed by Redis")
