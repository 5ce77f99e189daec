"""Health, reflection and refusals as ordinary gRPC clients see them, on both gRPC fronts."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from gateway.fronts.limits import FrontLimits
from gateway.testing.scripted_door import ScriptedDoor
from gateway.testing.served_front import ServedFront, served_front
from protos.sluice.v1 import prediction_pb2, prediction_pb2_grpc

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
VERSIONS = ("v1", "v1alpha")
EOF = vars(grpc.aio)["EOF"]  # absent from the stubs

Channel = Any  # grpc.aio.Channel, whose stubs want serializers that are optional


@pytest.fixture
def door() -> ScriptedDoor:
    return ScriptedDoor()


@pytest_asyncio.fixture(params=["h2corn", "conservative"])
async def served(request: pytest.FixtureRequest, door: ScriptedDoor) -> AsyncIterator[ServedFront]:
    async with served_front(request.param, door) as front:
        yield front


@pytest_asyncio.fixture
async def channel(served: ServedFront) -> AsyncIterator[Channel]:
    async with grpc.aio.insecure_channel(served.grpc) as opened:
        yield opened


def asked(service: str = "") -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=service)


@pytest.mark.parametrize("service", ["", "sluice.v1.Predictions"])
async def test_health_check_follows_the_door(channel: Channel, door: ScriptedDoor, service: str) -> None:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    assert (await stub.Check(asked(service))).status == SERVING
    door.is_ready = False
    assert (await stub.Check(asked(service))).status == NOT_SERVING


async def test_health_of_a_stranger(channel: Channel) -> None:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Check(asked("nobody"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    watch = stub.Watch(asked("nobody"))
    assert (await watch.read()).status == UNKNOWN
    watch.cancel()


async def test_health_watch_tells_changes_and_ends_with_the_drain(
    channel: Channel, door: ScriptedDoor, served: ServedFront
) -> None:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    watch = stub.Watch(asked())
    assert (await watch.read()).status == SERVING
    door.is_ready = False
    assert (await watch.read()).status == NOT_SERVING
    door.is_ready = True
    assert (await watch.read()).status == SERVING
    door.is_ready = False  # as a drain does: the door first, then the front
    assert (await watch.read()).status == NOT_SERVING
    served.stop.set()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watch.read()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    await served.done


async def reflect(channel: Channel, version: str, **question: Any) -> Any:
    """Ask by the messages of v1alpha under either name: on the wire they are the same."""
    call: Any = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )()
    await call.write(reflection_pb2.ServerReflectionRequest(**question))
    answer = await call.read()
    await call.done_writing()
    assert await call.read() is EOF
    return answer


@pytest.mark.parametrize("version", VERSIONS)
async def test_reflection_lists_every_service(channel: Channel, version: str) -> None:
    answer = await reflect(channel, version, list_services="")
    assert [service.name for service in answer.list_services_response.service] == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "inference.GRPCInferenceService",
        "sluice.v1.Predictions",
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "service", ["sluice.v1.Predictions", "grpc.reflection.v1.ServerReflection", "inference.GRPCInferenceService"]
)
async def test_reflection_describes_what_it_lists(channel: Channel, version: str, service: str) -> None:
    answer = await reflect(channel, version, file_containing_symbol=service)
    pool = DescriptorPool()
    files = answer.file_descriptor_response.file_descriptor_proto
    for file in reversed(files):  # a pool wants first what is imported
        pool.AddSerializedFile(file)
    assert pool.FindServiceByName(service).methods[-1].input_type.fields
    assert FileDescriptorProto.FromString(files[0]).package == service.rpartition(".")[0]


async def test_reflection_of_a_stranger(channel: Channel) -> None:
    answer = await reflect(channel, "v1", file_containing_symbol="nobody.Nothing")
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


async def test_a_reflection_stream_left_open_ends_with_the_drain(channel: Channel, served: ServedFront) -> None:
    call: Any = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")()
    await call.write(reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString())
    await call.read()
    served.stop.set()
    assert await call.read() is EOF


async def test_a_reflection_client_of_others(served: ServedFront) -> None:
    def services() -> list[str]:
        with grpc.insecure_channel(served.grpc) as opened:
            database = ProtoReflectionDescriptorDatabase(opened)
            pool = DescriptorPool(database)
            method = pool.FindServiceByName("sluice.v1.Predictions").FindMethodByName("Predict")
            return [*database.get_services(), method.input_type.full_name]

    assert "sluice.v1.PredictRequest" in await asyncio.to_thread(services)


async def test_a_client_that_knows_nothing_but_reflection_asks_by_the_open_inference_protocol(
    served: ServedFront,
) -> None:
    def ready() -> bool:
        with grpc.insecure_channel(served.grpc) as opened:
            service = DescriptorPool(ProtoReflectionDescriptorDatabase(opened)).FindServiceByName(
                "inference.GRPCInferenceService"
            )
            method = service.FindMethodByName("ModelReady")
            asked, answered = map(GetMessageClass, (method.input_type, method.output_type))
            call: Any = opened.unary_unary(
                f"/{service.full_name}/{method.name}",
                request_serializer=asked.SerializeToString,
                response_deserializer=answered.FromString,
            )
            return bool(call(asked(name="fraud")).ready)

    assert await asyncio.to_thread(ready)


@pytest.mark.parametrize("path", ["/sluice.v1.Predictions/Explain", "/nobody.v1.Nothing/Explain"])
async def test_unknown_methods_are_unimplemented(channel: Channel, path: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary(path)(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_requests_may_be_compressed(channel: Channel, algorithm: grpc.Compression) -> None:
    stub: Any = prediction_pb2_grpc.PredictionsStub(channel)
    request = prediction_pb2.PredictRequest(deployment="fraud", unit="u" * 100)
    assert (await stub.Predict(request, compression=algorithm)).prediction.decision == "approve"


async def test_what_is_too_long_when_it_is_unpacked_is_refused(channel: Channel) -> None:
    stub: Any = prediction_pb2_grpc.PredictionsStub(channel)
    request = prediction_pb2.PredictRequest(deployment="fraud", unit="u" * (FrontLimits().max_body_bytes + 1))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Predict(request, compression=grpc.Compression.Gzip)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_deadline_of_the_client_ends_the_call_for_him(channel: Channel, door: ScriptedDoor) -> None:
    door.script = lambda call: None
    stub: Any = prediction_pb2_grpc.PredictionsStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Predict(prediction_pb2.PredictRequest(deployment="fraud"), timeout=0.05)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_the_fast_front_speaks_grpc_on_the_http_port_too(door: ScriptedDoor) -> None:
    async with (
        served_front("h2corn", door) as served,
        grpc.aio.insecure_channel(served.http.removeprefix("http://")) as channel,
    ):
        stub: Any = prediction_pb2_grpc.PredictionsStub(channel)
        answer = await stub.Predict(prediction_pb2.PredictRequest(deployment="fraud"))
    assert answer.prediction.decision == "approve"
