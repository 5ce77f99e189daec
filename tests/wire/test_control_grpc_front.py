"""What gRPC's own tools meet at the control process: health, reflection, a limit on what is sent."""

from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from protos.sluice.v1.rollouts_pb2 import SignedOrder
from protos.sluice.v1.rollouts_pb2_grpc import RolloutsStub
from routing.control.desk import MOST_BYTES
from tests.wire.control_speakers import Scene, served


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    async with served(Scene()) as (address, _), grpc.aio.insecure_channel(address) as channel:
        yield channel


async def test_it_says_that_it_serves(channel: grpc.aio.Channel) -> None:
    for service in ("", "sluice.v1.Rollouts"):
        answer = await HealthStub(channel).Check(HealthCheckRequest(service=service))
        assert answer.status == HealthCheckResponse.SERVING


async def test_it_says_what_can_be_called(channel: grpc.aio.Channel) -> None:
    asked = iter([ServerReflectionRequest(list_services="")])
    answers = [one async for one in ServerReflectionStub(channel).ServerReflectionInfo(asked)]
    names = {service.name for service in answers[0].list_services_response.service}
    assert "sluice.v1.Rollouts" in names


async def test_what_is_too_long_is_not_read(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await RolloutsStub(channel).List(SignedOrder(order=b"x" * MOST_BYTES))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
