"""Keeps one connection to Redis open: opens it, greets, waits until it is lost, and opens another.

While there is none, readers are told so at once. Redis Cluster and Sentinel are refused when they introduce themselves.
"""

import asyncio
import logging
import random
from dataclasses import dataclass

import hiredis

from gateway.features.address import RedisAddress
from gateway.features.connection import Connection, ConnectionLimits

log = logging.getLogger(__name__)

_NO_HELLO = ("ERR", "NOPROTO")
"""How servers before 6.0, and proxies, answer a HELLO that they do not know."""


@dataclass(frozen=True, slots=True)
class KeeperLimits:
    """How long opening may take, and how long to pause between attempts (seconds)."""

    connect: float = 1.0
    first_pause: float = 0.05
    longest_pause: float = 2.0


class GreetingError(Exception):
    """Redis is there, but will not have us, or is not the kind that we can use."""


class Keeper:
    """One connection's keeper. `current` is the open one; `tried` is set after the first attempt, good or bad."""

    def __init__(self, address: RedisAddress, connection: ConnectionLimits, limits: KeeperLimits, name: str) -> None:
        self._address = address
        self._connection_limits = connection
        self._limits = limits
        self._name = name
        self.current: Connection | None = None
        self.tried = asyncio.Event()

    async def run(self) -> None:
        """Never ends but by cancellation, which closes the connection."""
        try:
            while True:
                connection = await self._open_patiently()
                self.current = connection
                self.tried.set()
                log.info("%s: connected to %s", self._name, self._address)
                reason = await connection.lost
                self.current = None
                log.warning("%s: lost %s: %s", self._name, self._address, reason)
                await asyncio.sleep(self._limits.first_pause)
        finally:
            if self.current is not None:
                self.current.drop("closed by us")
                self.current = None

    async def _open_patiently(self) -> Connection:
        """Try until it works; only the first failure in a row is logged."""
        pause, known = self._limits.first_pause, ""
        while True:
            try:
                return await self._open()
            except (OSError, GreetingError) as exc:
                reason = str(exc) or f"no answer within {self._limits.connect:g} s"
            if reason != known:
                log.warning("%s: cannot use %s: %s", self._name, self._address, reason)
            known = reason
            self.tried.set()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, self._limits.longest_pause)

    async def _open(self) -> Connection:
        loop, address = asyncio.get_running_loop(), self._address
        connection, greeted = Connection(self._connection_limits), False
        try:
            async with asyncio.timeout(self._limits.connect):
                if address.path:
                    await loop.create_unix_connection(lambda: connection, address.path)
                else:
                    await loop.create_connection(lambda: connection, address.host, address.port, ssl=address.tls)
                await greet(connection, address)
                greeted = True
        finally:
            if not greeted:
                connection.drop("not greeted")
        return connection


async def greet(connection: Connection, address: RedisAddress) -> None:
    """Authenticate, choose the database, ask what this server is. Raises GreetingError, or OSError if it hangs up."""
    commands = [_command("HELLO", "2")]
    if address.db:
        commands.insert(0, _command("SELECT", str(address.db)))
    if address.password:
        credentials = [address.username, address.password] if address.username else [address.password]
        commands.insert(0, _command("AUTH", *credentials))
    batch = connection.ask(b"".join(commands), len(commands))
    replies = await batch.arrived if batch is not None else []
    if len(replies) < len(commands):
        raise ConnectionResetError("hung up while greeting")
    for reply in replies[:-1]:
        if isinstance(reply, hiredis.ReplyError):
            raise GreetingError(str(reply))
    _check_hello(replies[-1])


def _command(*words: str) -> bytes:
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)


def _check_hello(reply: object) -> None:
    if isinstance(reply, hiredis.ReplyError):
        if str(reply).startswith(_NO_HELLO):
            return
        raise GreetingError(str(reply))
    words = reply if isinstance(reply, list) else []
    about = dict(zip(words[::2], words[1::2], strict=False))
    mode = about.get(b"mode", b"standalone")
    if mode != b"standalone":
        raise GreetingError(
            f"a server in {mode.decode()} mode is not supported yet: give the address of a single server"
        )
