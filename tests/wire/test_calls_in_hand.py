"""How much a worker takes on at once, as gRPC and HTTP clients of others see it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.fronts.limits import FrontLimits
from gateway.testing.scripted_door import ScriptedDoor, approve
from gateway.testing.served_front import ServedFront, served_front
from protos.sluice.v1 import prediction_pb2, prediction_pb2_grpc

FRAUD = prediction_pb2.PredictRequest(deployment="fraud")
PREDICT = "/sluice.v1.Predictions/Predict"
FRONTS = ("h2corn", "conservative")


@asynccontextmanager
async def opened(front: str, door: ScriptedDoor, limits: FrontLimits) -> AsyncIterator[tuple[ServedFront, Any]]:
    async with served_front(front, door, limits) as served, grpc.aio.insecure_channel(served.grpc) as channel:
        yield served, channel


async def test_what_is_more_than_a_worker_may_have_in_hand_is_turned_away() -> None:
    door = ScriptedDoor(lambda call: None)
    async with opened("h2corn", door, FrontLimits(max_calls=2)) as (_, channel):
        stub: Any = prediction_pb2_grpc.PredictionsStub(channel)
        in_hand = [asyncio.ensure_future(stub.Predict(FRAUD)) for _ in range(2)]
        await door.until_held(2)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Predict(FRAUD)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert len(door.calls) == 2, "the door never saw it"
        for call in door.held:
            call.reply(approve(call))
        assert [answer.prediction.decision for answer in await asyncio.gather(*in_hand)] == ["approve", "approve"]
        door.script = approve
        assert (await stub.Predict(FRAUD)).prediction.decision == "approve"


async def test_http_is_told_503() -> None:
    door = ScriptedDoor(lambda call: None)
    async with opened("h2corn", door, FrontLimits(max_calls=1)) as (served, channel):
        stub: Any = prediction_pb2_grpc.PredictionsStub(channel)
        in_hand = asyncio.ensure_future(stub.Predict(FRAUD))
        await door.until_held()
        async with httpx.AsyncClient(base_url=served.http, trust_env=False) as client:
            assert (await client.post("/v1/deployments/fraud:predict", json={})).status_code == 503
        door.held[0].reply(approve(door.held[0]))
        await in_hand


@pytest.mark.parametrize("front", FRONTS)
async def test_who_watches_beyond_the_limit_is_told_not_to(front: str) -> None:
    """UNIMPLEMENTED ends a client's watching, and leaves the server healthy to it (gRFC A17)."""
    async with opened(front, ScriptedDoor(), FrontLimits(max_open_streams=2)) as (served, channel):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(2)]
        for watch in watches:
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Watch(health_pb2.HealthCheckRequest()).read()
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        served.stop.set()
        await served.done


async def test_a_whole_message_is_answered_before_its_sender_says_that_it_was_the_last() -> None:
    async with opened("h2corn", ScriptedDoor(), FrontLimits()) as (_, channel):
        for _ in range(3):  # the connection outlives it
            call = channel.stream_unary(PREDICT, response_deserializer=prediction_pb2.PredictResponse.FromString)()
            await call.write(FRAUD.SerializeToString())
            answer = await asyncio.wait_for(call, 5)
            assert answer.prediction.decision == "approve"
