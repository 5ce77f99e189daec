"""What is heard of a Redis's eviction policy: from one that tells, one that does not, and one that is away."""

from collections.abc import Iterator

import pytest
import redis

from gateway.features.eviction import eviction_policy
from gateway.testing.redis_server import RedisServer


@pytest.fixture
def server() -> Iterator[RedisServer]:
    server = RedisServer("--maxmemory-policy", "volatile-ttl")
    yield server
    server.close()


async def test_it_is_as_redis_says(server: RedisServer) -> None:
    assert await eviction_policy(server.url) == "volatile-ttl"


async def test_who_may_not_ask_hears_nothing_and_is_told_no_nonsense(server: RedisServer) -> None:
    with redis.Redis(port=server.port) as client:
        client.execute_command("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@all", "-info", "-config")
    assert await eviction_policy(f"redis://reader:secret@127.0.0.1:{server.port}/0") == ""


async def test_one_that_is_away_has_no_policy(server: RedisServer) -> None:
    server.kill()
    assert await eviction_policy(server.url) == ""
    assert await eviction_policy("no address") == ""
