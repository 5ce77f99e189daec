"""Opens a connection to Redis and greets: who we are, which database, and what kind of server this is."""

import asyncio
from collections.abc import Callable

import hiredis

from gateway.features.address import RedisAddress
from gateway.features.connection import Connection, ConnectionLimits

_NO_HELLO = ("ERR", "NOPROTO")
"""How servers before 6.0, and proxies, answer a HELLO that they do not know."""


class GreetingError(Exception):
    """Redis is there, but will not have us, or is not the kind that we can use."""


async def open_connection(address: RedisAddress, limits: ConnectionLimits, clock: Callable[[], float]) -> Connection:
    """Open without a word. Raises OSError."""
    loop, connection = asyncio.get_running_loop(), Connection(limits, clock)
    if address.path:
        await loop.create_unix_connection(lambda: connection, address.path)
    else:
        await loop.create_connection(lambda: connection, address.host, address.port, ssl=address.tls)
    return connection


async def open_greeted(address: RedisAddress, limits: ConnectionLimits, clock: Callable[[], float]) -> Connection:
    """Open and greet. Raises GreetingError, or OSError; then, and when cancelled, nothing is left open."""
    connection, greeted = await open_connection(address, limits, clock), False
    try:
        await greet(connection, address)
        greeted = True
    finally:
        if not greeted:
            connection.drop("not greeted")
    return connection


async def greet(connection: Connection, address: RedisAddress) -> None:
    """Authenticate, choose the database, ask what this server is. Raises GreetingError, or OSError if it hangs up."""
    select = [("SELECT", str(address.db))] if address.db else []
    reply = await say(connection, address, *select, ("HELLO", "2"))
    _check_hello(reply, address.leads)


async def say(connection: Connection, address: RedisAddress, *commands: tuple[str, ...]) -> object:
    """Authenticate, send the commands, return the last one's reply. Raises GreetingError when another one fails."""
    if address.password:
        credentials = (address.username, address.password) if address.username else (address.password,)
        commands = (("AUTH", *credentials), *commands)
    batch = connection.ask(b"".join([_command(*words) for words in commands]), len(commands))
    replies = await batch.arrived if batch is not None else []
    if len(replies) < len(commands):
        raise ConnectionResetError("hung up while greeting")
    for reply in replies[:-1]:
        if isinstance(reply, hiredis.ReplyError):
            raise GreetingError(str(reply))
    return replies[-1]


def _command(*words: str) -> bytes:
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)


def _check_hello(reply: object, leads: bool) -> None:
    if isinstance(reply, hiredis.ReplyError):
        if not str(reply).startswith(_NO_HELLO):
            raise GreetingError(str(reply))
        if leads:
            raise GreetingError("it does not say whether it is a master: behind sentinels Redis 6 or newer is needed")
        return
    words = reply if isinstance(reply, list) else []
    about = dict(zip(words[::2], words[1::2], strict=False))
    mode, role = about.get(b"mode", b"standalone").decode(), about.get(b"role", b"server of unknown role").decode()
    if mode == "sentinel":
        raise GreetingError("it is a sentinel: write redis+sentinel://HOST:PORT/SERVICE/DATABASE")
    if mode != "standalone":
        raise GreetingError(f"a server in {mode} mode is not supported: give the address of a single server")
    if leads and role != "master":
        raise GreetingError(f"it is a {role}, and a master was expected there")
