"""Every server before every client of NVIDIA's."""

from collections.abc import Iterator

import pytest

from gateway.testing.redis_server import RedisServer
from tests.conformance.open_inference import targets
from tests.conformance.open_inference.clients import KINDS, Client, connected
from tests.conformance.open_inference.targets import Target


@pytest.fixture(scope="session", params=targets.names())
def target(
    request: pytest.FixtureRequest, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    with targets.asked(request.param, redis_server, tmp_path_factory.mktemp(request.param)) as found:
        yield found


@pytest.fixture(scope="session", params=KINDS)
def client(request: pytest.FixtureRequest, target: Target) -> Iterator[Client]:
    with connected(request.param, target.grpc, target.http) as found:
        yield found


@pytest.fixture
def sluice(target: Target) -> Target:
    """Return the server, if it is one of ours."""
    if not target.is_sluice:
        pytest.skip("this is about what only Sluice does")
    return target
