"""The battery of fronts, second part: Submit and Fetch mean the same whatever protocol and server carries them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import pytest

from gateway.client import AsyncSluiceClient, FeaturesMissing, Prediction, QueueUnavailable, ResultNotFound
from gateway.client import InvalidRequest as Invalid
from gateway.errors import FeaturesMissing as NeverStored
from gateway.errors import InvalidRequest
from gateway.later.consumer import Consumer
from gateway.later.desk import QueueDesk
from gateway.later.settings import QueueSettings
from gateway.testing.manual_clock import ManualClock
from gateway.testing.memory_queue import MemoryQueue
from gateway.testing.scripted_door import ScriptedDoor, approve
from gateway.testing.served_front import ServedFront, served_front
from protos.sluice.v1 import prediction_pb2 as pb

ENTITIES: dict[str, Any] = {"card_id": 2**62, "store_id": "9007199254740993"}
FEATURES: dict[str, Any] = {"amount": 100.5, "customer_present": True, "time": 1554076800}
SETTINGS = QueueSettings(length=2, result_ttl=60.0)


@dataclass
class House:
    """A served front whose queue nobody empties until `begin`."""

    served: ServedFront
    door: ScriptedDoor
    queue: MemoryQueue
    http: httpx.AsyncClient
    grpc: AsyncSluiceClient
    tasks: list["asyncio.Task[None]"]

    def begin(self) -> None:
        consumer = Consumer(
            self.queue.consumer("one"), self.door, SETTINGS, lambda outcome: None, ManualClock(), ManualClock()
        )
        self.tasks.append(asyncio.create_task(consumer.run()))

    async def post(self, deployment: str = "fraud", **body: Any) -> httpx.Response:
        whole = {"entities": ENTITIES, "features": FEATURES, **body}
        return await self.http.post(f"/v1/deployments/{deployment}:submit", json=whole)

    async def get(self, result_id: str, wait_ms: Any = 0) -> httpx.Response:
        return await self.http.get(f"/v1/results/{result_id}", params={"wait_ms": wait_ms})


@pytest.fixture(params=["h2corn", "conservative"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    door, queue, tasks = ScriptedDoor(), MemoryQueue(SETTINGS, ManualClock()), list[asyncio.Task[None]]()
    desk = QueueDesk(queue, SETTINGS, lambda outcome: None, ManualClock())
    async with (
        served_front(request.param, door, desk=desk) as served,
        httpx.AsyncClient(base_url=served.http, timeout=30) as http,
        AsyncSluiceClient(served.grpc) as client,
    ):
        yield House(served, door, queue, http, client, tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_row_goes_in_and_its_answer_comes_out_over_http(house: House) -> None:
    response = await house.post(request_id="r-1", unit="u")
    submitted = response.json()
    assert (response.status_code, submitted["request_id"], response.headers["x-request-id"]) == (200, "r-1", "r-1")
    pending = await house.get(submitted["result_id"])
    assert (pending.status_code, pending.json()) == (200, {"result_id": submitted["result_id"], "state": "pending"})
    house.begin()
    fetched = (await house.get(submitted["result_id"], wait_ms=10_000)).json()
    assert (fetched["state"], fetched["request_id"]) == ("answered", "r-1")
    assert fetched["prediction"]["outputs"] == {"score": 0.125}
    (call,) = house.door.calls
    assert (dict(call.entities), dict(call.features), call.unit, call.deployment) == (ENTITIES, FEATURES, "u", "fraud")
    live = (await house.http.post("/v1/deployments/fraud:predict", json={"entities": ENTITIES})).json()
    assert fetched["prediction"] == live["prediction"], "the same shape, and the same answer"


async def test_a_row_goes_in_and_its_answer_comes_out_over_grpc(house: House) -> None:
    submitted = await house.grpc.submit("fraud", ENTITIES, FEATURES, request_id="r-1", timeout=30)
    assert submitted.request_id == "r-1"
    assert await house.grpc.fetch(submitted.result_id, timeout=30) is None
    house.begin()
    prediction = await house.grpc.fetch(submitted.result_id, wait=10.0, timeout=30)
    assert isinstance(prediction, Prediction)
    assert (prediction.request_id, prediction.decision, prediction.score) == ("r-1", "approve", 0.125)
    (call,) = house.door.calls
    assert (dict(call.entities), dict(call.features)) == (ENTITIES, FEATURES)


async def test_what_went_wrong_is_the_results_and_not_the_fetchs(house: House) -> None:
    house.door.script = lambda call: NeverStored("nothing is stored")
    house.begin()
    submitted = (await house.post()).json()
    fetched = await house.get(submitted["result_id"], wait_ms=10_000)
    assert (fetched.status_code, fetched.json()["state"]) == (200, "failed")
    assert fetched.json()["error"] == {"code": "FEATURES_MISSING", "message": "nothing is stored"}
    with pytest.raises(FeaturesMissing, match="nothing is stored"):
        await house.grpc.fetch(submitted["result_id"], timeout=30)


async def test_a_full_queue_refuses_and_says_when_to_try_again(house: House) -> None:
    for _ in range(SETTINGS.length):
        assert (await house.post()).status_code == 200
    refused = await house.post()
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "OVERLOADED")
    assert refused.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("deployment", "body", "status", "code"),
    [
        ("nobody", {}, 404, "DEPLOYMENT_NOT_FOUND"),
        ("fraud", {"useful_for_ms": 60_001}, 400, "INVALID_REQUEST"),
        ("fraud", {"useful_for_ms": -1}, 400, "INVALID_REQUEST"),
        ("fraud", {"request_id": "a b"}, 400, "INVALID_REQUEST"),
        ("fraud", {"nonsense": 1}, 400, "INVALID_REQUEST"),
        ("fraud", {"unit": "u" * 300}, 400, "INVALID_REQUEST"),
    ],
)
async def test_what_cannot_be_queued_is_refused_at_once(
    house: House, deployment: str, body: dict[str, Any], status: int, code: str
) -> None:
    refused = await house.post(deployment, **body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert house.queue.waiting == {}


async def test_what_predict_would_refuse_is_refused_before_it_is_queued(house: House) -> None:
    house.door.wrong = InvalidRequest("request feature amount (double) is missing")
    refused = await house.post()
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "INVALID_REQUEST")
    with pytest.raises(Invalid, match="amount"):
        await house.grpc.submit("fraud", ENTITIES, FEATURES, timeout=30)
    assert house.queue.waiting == {}


@pytest.mark.parametrize("wait", ["", "-1", "1.5", "1" * 7, "²"])
async def test_a_wait_that_is_no_number_is_refused(house: House, wait: str) -> None:
    refused = await house.get("a" * 32, wait)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "INVALID_REQUEST")


async def test_unknown_results_are_not_found(house: House) -> None:
    missing = await house.get("a" * 32)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "RESULT_NOT_FOUND")
    with pytest.raises(ResultNotFound):
        await house.grpc.fetch("a" * 32, timeout=30)


async def test_not_yet_comes_before_the_callers_deadline(house: House) -> None:
    """A caller who would wait for ten seconds, and has less: the answer is "not yet", and no error."""
    submitted = (await house.post()).json()
    async with grpc.aio.insecure_channel(house.served.grpc) as channel:
        request = pb.FetchRequest(result_id=submitted["result_id"], wait_ms=10_000).SerializeToString()
        fetch: Any = channel.unary_unary("/sluice.v1.Predictions/Fetch")
        response = pb.FetchResponse.FromString(await fetch(request, timeout=1.0))
    assert response.state == pb.RESULT_STATE_PENDING


async def test_a_queue_that_is_away_is_said_to_be(house: House) -> None:
    house.queue.away = True
    refused = await house.post()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "QUEUE_UNAVAILABLE")
    with pytest.raises(QueueUnavailable) as caught:
        await house.grpc.submit("fraud", ENTITIES, FEATURES, timeout=30)
    assert caught.value.retryable


async def test_without_a_queue_predictions_are_as_ever() -> None:
    async with served_front("h2corn", ScriptedDoor(approve)) as served, AsyncSluiceClient(served.grpc) as client:
        with pytest.raises(QueueUnavailable, match="--queue-url"):
            await client.submit("fraud", ENTITIES, FEATURES, timeout=30)
        assert (await client.predict("fraud", ENTITIES, FEATURES, timeout=30)).decision == "approve"
