"""A prepared house for the live tests: real data, real bundles, a real Redis that Feast has filled, once for all."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from gateway.testing.redis_server import RedisServer
from models.pipeline import main
from tests.live.prepared import SkewRows, filled_server


@pytest.fixture(scope="session")
def filled_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Yield a Redis of its own, filled with the features of all deployments; their bundles are built if need be."""
    server = filled_server(tmp_path_factory.mktemp("filled"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def skew_rows(filled_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> SkewRows:
    """Return the rows of each deployment, made when they are first asked for."""
    folder = tmp_path_factory.mktemp("skew")

    @cache
    def rows(name: str) -> list[dict[str, Any]]:
        assert main(["skew-rows", name, "--rows", "1000", "--out", str(folder / name)]) == 0
        return [json.loads(line) for line in (folder / name).read_text().splitlines()]

    return rows
