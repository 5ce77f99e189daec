"""The greeting of a Redis server: what we say, and which answers will not do."""

import asyncio
import time

import pytest

from gateway.features.address import RedisAddress
from gateway.features.connection import Connection, ConnectionLimits
from gateway.features.greeting import GreetingError, greet

HELLO = b"*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n"
STANDALONE = b"*4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n"
MASTER_WANTED = RedisAddress(leads=True)


class Server(asyncio.Transport):
    """Answers the first bytes that it is sent."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.connection = Connection(ConnectionLimits(), time.monotonic)
        self.connection.connection_made(self)
        self.heard = b""
        self._answer = answer

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.heard += data
        loop = asyncio.get_running_loop()
        if self._answer:
            loop.call_soon(self.connection.data_received, self._answer)
        else:
            loop.call_soon(self.connection.connection_lost, None)

    def abort(self) -> None:
        self.heard += b" aborted"


@pytest.mark.parametrize(
    ("address", "said", "answer"),
    [
        (RedisAddress(), HELLO, STANDALONE),
        (RedisAddress(db=3), b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n" + HELLO, b"+OK\r\n" + STANDALONE),
        (RedisAddress(password="ż"), b"*2\r\n$4\r\nAUTH\r\n$2\r\n\xc5\xbc\r\n" + HELLO, b"+OK\r\n" + STANDALONE),
        (
            RedisAddress(username="me", password="pw"),
            b"*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$2\r\npw\r\n" + HELLO,
            b"+OK\r\n" + STANDALONE,
        ),
        (RedisAddress(), HELLO, b"-ERR unknown command `HELLO`\r\n"),  # before Redis 6, and proxies
        (RedisAddress(), HELLO, b"*4\r\n+mode\r\n+standalone\r\n+role\r\n+replica\r\n"),  # good enough, if asked for
        (MASTER_WANTED, HELLO, b"*4\r\n+mode\r\n+standalone\r\n+role\r\n+master\r\n"),
    ],
)
async def test_welcome(address: RedisAddress, said: bytes, answer: bytes) -> None:
    server = Server(answer)
    await greet(server.connection, address)
    assert server.heard == said


@pytest.mark.parametrize(
    ("address", "answer", "reason"),
    [
        (RedisAddress(), b"-NOAUTH Authentication required.\r\n", "NOAUTH"),
        (RedisAddress(password="x"), b"-WRONGPASS invalid\r\n" + STANDALONE, "WRONGPASS"),
        (RedisAddress(db=99), b"-ERR DB index is out of range\r\n" + STANDALONE, "out of range"),
        (
            RedisAddress(),
            STANDALONE.replace(b"$10\r\nstandalone", b"$7\r\ncluster"),
            "a server in cluster mode is not supported",
        ),
        (RedisAddress(), STANDALONE.replace(b"$10\r\nstandalone", b"$8\r\nsentinel"), r"write redis\+sentinel://"),
        (MASTER_WANTED, STANDALONE, "server of unknown role, and a master was expected"),
        (MASTER_WANTED, b"*4\r\n+mode\r\n+standalone\r\n+role\r\n+replica\r\n", "it is a replica, and a master"),
        (MASTER_WANTED, b"-ERR unknown command `HELLO`\r\n", "Redis 6 or newer"),
    ],
)
async def test_no_welcome(address: RedisAddress, answer: bytes, reason: str) -> None:
    with pytest.raises(GreetingError, match=reason):
        await greet(Server(answer).connection, address)


async def test_a_server_that_hangs_up() -> None:
    with pytest.raises(ConnectionResetError, match="hung up"):
        await greet(Server(b"").connection, RedisAddress())
