"""The Redis of `sluice up`: its data outlive a crash, and it comes back by itself."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from gateway.embedded_redis import EmbeddedRedis
from tests.free_ports import free_ports


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path / "redis", *free_ports(1))
    server.start()
    yield server
    server.stop()


def test_a_killed_server_comes_back_with_its_data(server: EmbeddedRedis) -> None:
    patient = Retry(ConstantBackoff(0.05), 200, supported_errors=(RedisConnectionError,))
    with redis.Redis.from_url(server.url, retry=patient) as client:
        client.set("kept", "yes")
        client.config_set("appendfsync", "always")
        client.set("kept", "yes")
        os.kill(client.info("server")["process_id"], signal.SIGKILL)
        assert client.get("kept") == b"yes"
