"""A prepared house for the live tests: real data, real bundles, a real Redis that Feast has filled, once for all."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.testing.redis_server import RedisServer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def filled_redis() -> Iterator[RedisServer]:
    """Yield a Redis of its own, filled with the features of all deployments; their bundles are built if need be."""
    server = RedisServer()
    command = [sys.executable, "-m", "models.pipeline", "prepare", "--redis", server.url]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "SLUICE_REDIS_URL": server.url}, check=True)
    yield server
    server.close()
