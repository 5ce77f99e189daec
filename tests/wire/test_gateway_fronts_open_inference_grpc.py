"""The protocol's gRPC methods where tritonclient is not installed, and while the gateway drains or is overloaded."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2
from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types

from gateway.call import Answer, Call, Priority
from gateway.errors import GatewayError, Overloaded, PredictionFailed
from gateway.fronts.caller import Caller
from gateway.fronts.exchange import Exchange
from gateway.fronts.grpc_wire import GrpcRefusal
from gateway.fronts.limits import FrontLimits
from gateway.fronts.open_inference.grpc_methods import SERVICE, OpenInferenceMethods
from gateway.fronts.open_inference.messages import MODULE, Messages
from gateway.fronts.reflection import Reflection
from gateway.fronts.status import GrpcStatus
from gateway.testing.scripted_door import ScriptedDoor, approve


@pytest.fixture
def door() -> ScriptedDoor:
    return ScriptedDoor()


def methods(door: ScriptedDoor, module: str = MODULE) -> OpenInferenceMethods:
    return OpenInferenceMethods(door, Exchange(door, FrontLimits(max_rows=4), lambda: 100.0), Messages(module))


async def ask(of: OpenInferenceMethods, name: str, request: Any, answer: Any, caller: Caller | None = None) -> Any:
    body = await of.unary[f"/{SERVICE}/{name}"](request.SerializeToString(), caller or Caller(100.0))
    return answer.FromString(body)


def row(amounts: int = 1, **parameters: Any) -> Any:
    request = pb.ModelInferRequest(model_name="fraud", id="r")
    for name in ("card_id", "store_id"):
        tensor = request.inputs.add(name=name, datatype="INT64", shape=[amounts])
        tensor.contents.int64_contents.extend(range(amounts))
    for name, value in parameters.items():
        setattr(request.parameters[name], {bool: "bool_param", str: "string_param"}[type(value)], value)
    return request


async def test_without_tritonclient_it_says_what_to_install(door: ScriptedDoor) -> None:
    without = methods(door, "nobody_has_this")
    for _ in range(2):
        with pytest.raises(GrpcRefusal, match="extra `triton`") as caught:
            await without.unary[f"/{SERVICE}/ServerLive"](b"", Caller(100.0))
        assert caught.value.status is GrpcStatus.UNIMPLEMENTED


async def test_readiness_follows_the_door(door: ScriptedDoor) -> None:
    of = methods(door)
    for ready in (True, False):
        door.is_ready = ready
        assert (await ask(of, "ServerReady", pb.ServerReadyRequest(), pb.ServerReadyResponse)).ready is ready
        model = pb.ModelReadyRequest(name="fraud")
        assert (await ask(of, "ModelReady", model, pb.ModelReadyResponse)).ready is ready
        assert (await ask(of, "ServerLive", pb.ServerLiveRequest(), pb.ServerLiveResponse)).live is True


async def test_what_would_be_refused_anyway_is_not_read(door: ScriptedDoor) -> None:
    door.refuses = Overloaded("full")
    caller = Caller(100.0)
    with pytest.raises(Overloaded):
        await ask(methods(door), "ModelInfer", row(), pb.ModelInferResponse, caller)
    assert (caller.request_id, door.calls) == ("r", [])
    answer = await ask(methods(door), "ModelInfer", row(priority="critical"), pb.ModelInferResponse)
    assert answer.id == "r"
    assert door.calls[0].priority is Priority.CRITICAL


async def test_one_row_has_the_request_s_id_and_several_have_their_own(door: ScriptedDoor) -> None:
    for count in (1, 3):
        await ask(methods(door), "ModelInfer", row(count), pb.ModelInferResponse)
    assert [call.request_id for call in door.calls] == ["r", "r/0", "r/1", "r/2"]


async def test_the_error_of_a_row_is_the_request_s(door: ScriptedDoor) -> None:
    shared = Overloaded("full", 0.25)

    def script(call: Call) -> Answer | GatewayError:
        return approve(call) if call.entities["card_id"] == 0 else shared

    door.script = script
    with pytest.raises(Overloaded, match="row 1: full") as caught:
        await ask(methods(door), "ModelInfer", row(2), pb.ModelInferResponse)
    assert caught.value.retry_after == 0.25
    assert str(shared) == "full", "others may hear the same error"
    door.script = lambda call: PredictionFailed("no")
    with pytest.raises(PredictionFailed, match=r"^no$"):
        await ask(methods(door), "ModelInfer", row(1), pb.ModelInferResponse)


async def test_what_differs_between_rows_is_said_by_row_only(door: ScriptedDoor) -> None:
    def script(call: Call) -> Answer:
        answer = approve(call)
        if call.entities["card_id"] == 1:
            answer.arm, answer.bundle_version, answer.assigned = "champion", "1", "canary"
            answer.degraded_reasons = ("features_late",)
        elif call.entities["card_id"] == 2:
            answer.arm, answer.bundle_version = "canary", "2"
        return answer

    door.script = script
    answer = await ask(methods(door), "ModelInfer", row(3), pb.ModelInferResponse)
    said = {name: getattr(value, value.WhichOneof("parameter_choice")) for name, value in answer.parameters.items()}
    assert said == {"policy_version": "1", "degraded": True, "degraded_reasons": "features_late", "rescued": True}
    assert answer.model_version == ""
    door.script = approve
    answer = await ask(methods(door), "ModelInfer", row(3), pb.ModelInferResponse)
    assert (answer.model_version, answer.parameters["arm"].string_param) == ("1", "champion")


async def test_a_caller_who_left_is_not_missed(door: ScriptedDoor) -> None:
    door.script = lambda call: None
    asking = asyncio.create_task(ask(methods(door), "ModelInfer", row(2), pb.ModelInferResponse))
    await door.until_held(2)
    asking.cancel()
    await asyncio.wait([asking])
    assert all(call.left() for call in door.held)


async def test_every_method_of_the_service_is_answered(door: ScriptedDoor) -> None:
    of = methods(door)
    (service,) = pb.DESCRIPTOR.services_by_name.values()
    assert {f"/{SERVICE}/{method.name}" for method in service.methods} == {*of.unary, *of.streams}
    assert grpc.StatusCode.UNIMPLEMENTED.value[0] == GrpcStatus.UNIMPLEMENTED


@pytest.mark.parametrize(("module", "listed"), [(MODULE, True), ("nobody_has_this", False)])
async def test_reflection_lists_the_protocol_where_it_can_be_spoken(module: str, listed: bool) -> None:
    async def question() -> AsyncIterator[bytes]:
        yield reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()

    answers = [one async for one in Reflection(asyncio.Event(), Messages(module)).info(question())]
    (answer,) = map(reflection_pb2.ServerReflectionResponse.FromString, answers)
    assert (SERVICE in [one.name for one in answer.list_services_response.service]) == listed
