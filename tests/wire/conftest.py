"""The control process for wire tests: a scene in memory, and each front's own client before it."""

from collections.abc import AsyncIterator

import grpc
import httpx
import pytest

from tests.wire.control_speakers import GrpcSpeaker, HttpSpeaker, Scene, Speaker, served


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture(params=["grpc", "http"])
async def speaker(request: pytest.FixtureRequest, scene: Scene) -> AsyncIterator[Speaker]:
    async with served(scene) as (grpc_address, http_address):
        if request.param == "grpc":
            async with grpc.aio.insecure_channel(grpc_address) as channel:
                yield GrpcSpeaker(channel)
        else:
            async with httpx.AsyncClient(base_url=http_address) as client:
                yield HttpSpeaker(client)
