"""One battery for every front: the same call means the same, whatever protocol and server carry it."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio

from gateway.call import Answer, Call, FeatureStatus, Priority
from gateway.errors import (
    DeadlineExceeded,
    DeploymentNotFound,
    GatewayError,
    InvalidRequest,
    Overloaded,
    PredictionFailed,
)
from gateway.fronts.limits import FrontLimits
from gateway.testing.scripted_door import FRAUD, ScriptedDoor, approve
from gateway.testing.served_front import ServedFront, served_front
from tests.conformance.front_speakers import GrpcSpeaker, JsonSpeaker, Reply, Speaker

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENTITIES = {"card_id": 2**63 - 1, "store_id": "9007199254740993"}
FEATURES = {"amount": 100.5, "customer_present": True, "time": 1554076800}
LIMITS = FrontLimits(max_body_bytes=64 * 1024, max_rows=4)
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Front:
    door: ScriptedDoor
    served: ServedFront
    speaker: Speaker

    async def predict(self, deployment: str = "fraud", **headers: str) -> Reply:
        return await self.speaker.call("predict", deployment, {"entities": ENTITIES, "features": FEATURES}, **headers)

    async def predict_body(self, body: dict[str, Any], **headers: str) -> Reply:
        return await self.speaker.call("predict", "fraud", body, **headers)

    async def many(self, rows: Rows, deployment: str = "fraud", **headers: str) -> Reply:
        return await self.speaker.call("predictMany", deployment, {"rows": rows, "request_id": "many"}, **headers)


FRONTS = ("h2corn-grpc", "h2corn-json", "conservative-grpc", "conservative-json")


@asynccontextmanager
async def serving(kind: str, door: ScriptedDoor) -> AsyncIterator[Front]:
    server, protocol = kind.split("-")
    async with (
        served_front(server, door, LIMITS) as served,
        grpc.aio.insecure_channel(served.grpc) as channel,
        httpx.AsyncClient(base_url=served.http) as client,
    ):
        yield Front(door, served, GrpcSpeaker(channel) if protocol == "grpc" else JsonSpeaker(client))


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=FRONTS)
async def running(request: pytest.FixtureRequest) -> AsyncIterator[Front]:
    async with serving(request.param, ScriptedDoor()) as front:
        yield front


@pytest.fixture
def front(running: Front) -> Front:
    door = running.door
    door.script, door.is_ready, door.refuses = approve, True, None
    door.calls.clear()
    door.held.clear()
    return running


async def test_a_good_call(front: Front) -> None:
    def answer(call: Call) -> Answer:
        good = approve(call)
        good.degraded_reasons, good.statuses = ("redis late",), {"card_count_1d": FeatureStatus.LATE}
        return good

    front.door.script = answer
    reply = await front.predict(x_request_id="r-1")
    assert reply.code == "OK"
    assert reply.request_id == reply.body["request_id"] == "r-1"
    prediction = reply.body["prediction"]
    assert prediction["outputs"] == {"score": 0.125}
    assert (prediction["decision"], prediction["arm"], prediction["bundle_version"]) == ("approve", "champion", "1")
    assert prediction["degraded"] is True
    assert prediction["degraded_reasons"] == ["redis late"]
    assert prediction["feature_statuses"]["card_count_1d"].lower().endswith("late")
    assert reply.body["timings"] == {"queue_us": 1, "features_us": 200, "infer_us": 7, "total_us": 300}


async def test_a_rescued_call_says_who_should_have_answered(front: Front) -> None:
    def answer(call: Call) -> Answer:
        rescued = approve(call)
        rescued.assigned = "canary"
        return rescued

    prediction = (await front.predict()).body["prediction"]
    assert (prediction["arm"], prediction["rescued"], prediction["assigned_arm"]) == ("champion", False, "champion")
    front.door.script = answer
    prediction = (await front.predict()).body["prediction"]
    assert (prediction["arm"], prediction["rescued"], prediction["assigned_arm"]) == ("champion", True, "canary")


async def test_a_refusal_under_overload_says_when_to_try_again(front: Front) -> None:
    front.door.script = lambda call: Overloaded("full", retry_after=0.2)
    patient, hurried = await front.predict(), await front.predict(timeout_ms="100")
    if isinstance(front.speaker, GrpcSpeaker):
        assert (patient.hint, hurried.hint) == ("200", "-1")
    else:
        assert (patient.hint, hurried.hint) == ("1", "1")


async def test_what_would_be_refused_anyway_is_not_read(front: Front) -> None:
    front.door.refuses = Overloaded("full")
    reply = await front.predict(x_request_id="r-3")
    assert (reply.code, reply.status) == ("OVERLOADED", front.speaker.statuses[Overloaded])
    assert reply.request_id == "r-3"
    assert not front.door.calls
    assert (await front.predict(sluice_priority="critical")).code == "OK", "there is room for this one"


async def test_the_call_arrives_as_it_was_sent(front: Front) -> None:
    await front.predict()
    (call,) = front.door.calls
    assert (call.deployment, dict(call.entities), dict(call.features)) == ("fraud", ENTITIES, FEATURES)
    assert {name: type(value) for name, value in call.features.items()} == {
        "amount": float,
        "customer_present": bool,
        "time": int,
    }
    assert (call.unit, call.priority, call.traceparent, call.deadline) == ("", Priority.DEFAULT, "", math.inf)


async def test_whose_request_id_it_is_reaches_the_call(front: Front) -> None:
    await front.predict()
    await front.predict(x_request_id="mine")
    await front.many([{"entities": ENTITIES, "features": FEATURES}])
    assert [call.own_id for call in front.door.calls] == [False, True, True]


async def test_headers_reach_the_call(front: Front) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await front.predict(sluice_priority="sheddable", sluice_unit="card-7", traceparent=trace, timeout_ms="30000")
    (call,) = front.door.calls
    assert (call.priority, call.unit, call.traceparent) == (Priority.SHEDDABLE, "card-7", trace)
    # Exact in our own front; grpc.aio tells what remains by another clock.
    assert 25 < call.deadline - call.received < 31


async def test_request_ids_are_made_where_none_is_given(front: Front) -> None:
    replies = [await front.predict(), await front.predict()]
    assert replies[0].request_id != replies[1].request_id
    assert [reply.request_id for reply in replies] == [call.request_id for call in front.door.calls]


@pytest.mark.parametrize("kind", [*GatewayError.__subclasses__()], ids=lambda kind: kind.__name__)
async def test_every_error_of_the_gateway(front: Front, kind: type[GatewayError]) -> None:
    front.door.script = lambda call: kind("100 % großer Ärger\nvon hier")
    reply = await front.predict(x_request_id="r-2")
    assert (reply.code, reply.status) == (kind.code, front.speaker.statuses[kind])
    assert (reply.message, reply.request_id) == ("100 % großer Ärger\nvon hier", "r-2")


async def test_body_and_header_must_agree(front: Front) -> None:
    same = await front.predict_body({"unit": "u", "request_id": "r"}, sluice_unit="u", x_request_id="r")
    unit = await front.predict_body({"unit": "u"}, sluice_unit="v")
    request_id = await front.predict_body({"request_id": "r"}, x_request_id="s")
    assert (same.code, unit.code, request_id.code) == ("OK", "INVALID_REQUEST", "INVALID_REQUEST")
    assert "sluice-unit" in unit.message
    assert "x-request-id" in request_id.message


@pytest.mark.parametrize(
    ("body", "headers", "named"),
    [
        ({}, {"sluice_priority": "urgent"}, "sluice-priority"),
        ({}, {"x_request_id": "two words"}, "x-request-id"),
        ({}, {"x_request_id": "r" * 129}, "x-request-id"),
        ({"request_id": "line\nbreak"}, {}, "x-request-id"),
        ({"request_id": "ü"}, {}, "x-request-id"),
        ({"unit": "ü" * 129}, {}, "unit"),
        ({"entities": {"card_id": None}}, {}, "card_id"),
        ({"features": {"amount": None}}, {}, "amount"),
    ],
)
async def test_bad_input_is_named(front: Front, body: dict[str, Any], headers: dict[str, str], named: str) -> None:
    reply = await front.predict_body(body, **headers)
    assert (reply.code, reply.status) == ("INVALID_REQUEST", front.speaker.statuses[InvalidRequest])
    assert named in reply.message
    assert reply.request_id
    assert not front.door.calls


@pytest.mark.parametrize("body", [b"", b"\xff\xff\xff", b'{"entities": {"card_id": 1}', b"\x0a\x05frau"])
async def test_broken_bodies(front: Front, body: bytes) -> None:
    reply = await front.speaker.raw(body)
    assert (reply.code, reply.status) == ("INVALID_REQUEST", front.speaker.statuses[InvalidRequest])
    assert not front.door.calls


@pytest.mark.parametrize("size", [LIMITS.max_body_bytes, 40 * LIMITS.max_body_bytes])
async def test_oversize(front: Front, size: int) -> None:
    reply = await front.predict_body({"features": {"note": "x" * size}})
    # grpc.aio refuses before our code sees anything, hence without a code of ours.
    assert reply.code in ("REQUEST_TOO_LARGE", "")
    assert reply.status in (413, grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
    assert (await front.predict()).code == "OK"


async def test_unknown_deployment(front: Front) -> None:
    assert (await front.predict("nobody")).code == "DEPLOYMENT_NOT_FOUND"
    assert (await front.many([{}, {}], "nobody")).status == front.speaker.statuses[DeploymentNotFound]
    described = await front.speaker.describe("nobody")
    assert described.status == front.speaker.statuses[DeploymentNotFound]


async def test_many_rows_fail_one_by_one(front: Front) -> None:
    front.door.script = lambda call: PredictionFailed("no") if call.entities["card_id"] == 2 else approve(call)
    reply = await front.many([{"entities": {"card_id": n}, "unit": f"u{n}"} for n in (1, 2, 3)])
    assert (reply.code, reply.request_id, reply.body["request_id"]) == ("OK", "many", "many")
    assert ["prediction" in result for result in reply.body["results"]] == [True, False, True]
    assert reply.body["results"][1]["error"] == {"code": "PREDICTION_FAILED", "message": "no"}
    assert reply.body["timings"]["features_us"] == 200
    assert [(call.request_id, call.unit) for call in front.door.calls] == [(f"many/{n}", f"u{n + 1}") for n in range(3)]


async def test_many_rows_keep_their_order_whoever_is_first(front: Front) -> None:
    front.door.script = lambda call: None
    asking = asyncio.create_task(front.many([{"entities": {"card_id": n}} for n in range(4)]))
    await front.door.until_held(4)
    for call in reversed(front.door.held):
        answer = approve(call)
        answer.outputs = {"score": float(call.entities["card_id"])}
        call.reply(answer)
    results = (await asking).body["results"]
    assert [result["prediction"]["outputs"]["score"] for result in results] == [0, 1, 2, 3]


async def test_many_rows_that_are_wrong_together(front: Front) -> None:
    assert (await front.many([])).code == "INVALID_REQUEST"
    assert (await front.many([{}] * 5)).code == "REQUEST_TOO_LARGE"
    assert "sluice-unit" in (await front.many([{}], sluice_unit="u")).message
    assert not front.door.calls
    front.door.script = lambda call: DeadlineExceeded("over")
    assert (await front.many([{}, {}])).code == "DEADLINE_EXCEEDED"


async def test_describe(front: Front) -> None:
    body = (await front.speaker.describe("fraud")).body
    assert body["deployment"] == "fraud"
    assert [field["name"] for field in body["entities"]] == [field.name for field in FRAUD.entities]
    assert body["features"][0]["maximum"] == 1e9
    assert [arm["share"] for arm in body["arms"]] == [0.95, 0.05]
    assert (body["unit"], body["budget_ms"], body["decisions"]) == (FRAUD.unit, 100, list(FRAUD.decisions))


async def test_ready_follows_the_door(front: Front) -> None:
    assert await front.speaker.ready()
    front.door.is_ready = False
    assert not await front.speaker.ready()


async def test_a_defect_behind_the_door_is_an_internal_error(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    def broken(call: Call) -> Answer:
        raise ZeroDivisionError

    front.door.script = broken
    reply = await front.predict()
    assert reply.code == "INTERNAL"
    assert "ZeroDivisionError" in caplog.text
    assert "ZeroDivisionError" not in reply.message


async def test_a_caller_who_left_is_not_missed(front: Front) -> None:
    front.door.script = lambda call: None
    asking = asyncio.create_task(front.predict())
    await front.door.until_held()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    front.door.script = approve
    assert (await front.predict()).code == "OK"
    front.door.held[0].reply(approve(front.door.held[0]))
    assert (await front.predict()).code == "OK"


@pytest.mark.parametrize("kind", FRONTS)
async def test_a_drain_waits_for_what_was_accepted(kind: str) -> None:
    async with serving(kind, ScriptedDoor(lambda call: None)) as front:
        asking = asyncio.create_task(front.predict())
        await front.door.until_held()
        front.served.stop.set()
        for _ in range(100):  # let the drain begin
            await asyncio.sleep(0)
        assert not front.served.done.done()
        front.door.held[0].reply(approve(front.door.held[0]))
        assert (await asking).code == "OK"
    assert front.served.done.done()


@pytest.mark.parametrize("kind", FRONTS)
async def test_a_drain_under_load_loses_no_accepted_call(kind: str) -> None:
    async with serving(kind, ScriptedDoor(keep=100_000)) as front:
        asking = [asyncio.create_task(answers_until_refused(front)) for _ in range(8)]
        answered = sum([await task for task in asking])
        await front.served.done
        assert answered == len(front.door.calls) >= 200


async def answers_until_refused(front: Front) -> int:
    """Call on and on; the 200th call begins the drain."""
    answered = 0
    with suppress(httpx.TransportError):
        while (await front.predict()).code == "OK":
            answered += 1
            if len(front.door.calls) >= 200:
                front.served.stop.set()
    return answered
