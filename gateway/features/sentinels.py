"""Where the master is that Redis Sentinel watches over, asked of the sentinels again and again.

A failover is seen in one of two ways: the connection to the old master is lost, and before another is opened the
sentinels are asked; or the old one still answers (it was demoted, or came back), and then the next question, a second
later at most, finds it out. Sentinel announces a switch to subscribers as well, but an announcement can be missed while
the subscription itself is down, so the question would be needed all the same.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import hiredis

from gateway.features.address import RedisAddress, SentinelAddress
from gateway.features.connection import ConnectionLimits
from gateway.features.greeting import GreetingError, open_connection, say
from gateway.features.whereabouts import NowhereError


@dataclass(frozen=True, slots=True)
class SentinelLimits:
    """How long one sentinel may take to answer, and the pause between questions (seconds)."""

    answer: float = 0.3
    pause: float = 1.0


class Sentinels:
    """The whereabouts of a service's master. Whichever sentinel answered last is asked first."""

    def __init__(
        self, address: SentinelAddress, clock: Callable[[], float], limits: SentinelLimits | None = None
    ) -> None:
        self._address = address
        self._sentinels = list(address.sentinels)
        self._clock = clock
        self._limits = limits or SentinelLimits()

    async def find(self) -> RedisAddress:
        """Ask one after the other. Raises NowhereError when none knows."""
        complaints = []
        for sentinel in list(self._sentinels):
            try:
                async with asyncio.timeout(self._limits.answer):
                    host, port = await self._ask(sentinel)
            except (OSError, GreetingError) as exc:
                complaints.append(f"{sentinel}: {str(exc) or 'no answer'}")
            else:
                self._sentinels.remove(sentinel)
                self._sentinels.insert(0, sentinel)
                return replace(self._address.server, host=host, port=port)
        raise NowhereError(f"no sentinel says where {self._address.service} is: {'; '.join(complaints)}")

    async def watch(self, moved: Callable[[RedisAddress], None]) -> None:
        """Ask for ever, with pauses; while no sentinel knows, what was known goes on."""
        while True:
            await asyncio.sleep(self._limits.pause)
            with suppress(NowhereError):
                moved(await self.find())

    async def _ask(self, sentinel: RedisAddress) -> tuple[str, int]:
        connection = await open_connection(sentinel, ConnectionLimits(), self._clock)
        try:
            question = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._address.service)
            reply = await say(connection, sentinel, question)
        finally:
            connection.drop("answered")
        if isinstance(reply, hiredis.ReplyError):
            raise GreetingError(str(reply))
        if not isinstance(reply, list) or len(reply) != 2:
            raise GreetingError(f"it knows no service {self._address.service!r}")
        return reply[0].decode(), int(reply[1])
