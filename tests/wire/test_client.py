"""The shipped client, sync and async, against both gRPC fronts."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio

from gateway.call import FeatureStatus, Priority
from gateway.client import (
    AsyncSluiceClient,
    DeadlineExceeded,
    Overloaded,
    Prediction,
    Row,
    RowError,
    SluiceClient,
    SluiceError,
    Timings,
    Tls,
    Unreachable,
)
from gateway.client import errors as client_errors
from gateway.errors import GatewayError
from gateway.errors import Overloaded as GatewayOverloaded
from gateway.fronts.tls import ServerTls
from gateway.testing.scripted_door import FRAUD, ScriptedDoor, approve
from gateway.testing.served_front import served_front
from loadtests.certificate import make_pair

ENTITIES = {"card_id": 1, "store_id": 2**70}
FEATURES = {"amount": 100.0, "customer_present": True}


class Asker:
    """Either client behind `await`."""

    def __init__(self, client: SluiceClient | AsyncSluiceClient) -> None:
        self._client = client

    async def __call__(self, method: str, *arguments: Any, **options: Any) -> Any:
        function: Callable[..., Any] = getattr(self._client, method)
        if isinstance(self._client, SluiceClient):
            return await asyncio.to_thread(function, *arguments, **options)
        return await function(*arguments, **options)


@pytest.fixture
def door() -> ScriptedDoor:
    return ScriptedDoor()


@pytest_asyncio.fixture(params=["h2corn-sync", "h2corn-async", "conservative-sync", "conservative-async"])
async def ask(request: pytest.FixtureRequest, door: ScriptedDoor) -> AsyncIterator[Asker]:
    server, kind = request.param.split("-")
    async with served_front(server, door) as served:
        if kind == "sync":
            with SluiceClient(served.grpc) as client:
                yield Asker(client)
        else:
            async with AsyncSluiceClient(served.grpc) as async_client:
                yield Asker(async_client)


@pytest_asyncio.fixture(params=["h2corn", "conservative"])
async def behind_mutual_tls(request: pytest.FixtureRequest, door: ScriptedDoor, tmp_path: Path) -> AsyncIterator[str]:
    authority = make_pair(tmp_path, "ca-")
    server, _ = (make_pair(tmp_path, f"{name}-", authority) for name in ("server", "client"))
    tls = ServerTls(server.certificate, server.key, authority.certificate)
    async with served_front(request.param, door, tls=tls) as served:
        yield served.grpc


@pytest.mark.parametrize("kind", [SluiceClient, AsyncSluiceClient])
async def test_mutual_tls(
    behind_mutual_tls: str, tmp_path: Path, kind: type[SluiceClient] | type[AsyncSluiceClient]
) -> None:
    ca, certificate, key = (tmp_path / name for name in ("ca-cert.pem", "client-cert.pem", "client-key.pem"))
    known = kind(behind_mutual_tls, tls=Tls(ca, certificate, key))
    assert (await Asker(known)("predict", "fraud", ENTITIES, timeout=5)).decision == "approve"
    for unknown in (kind(behind_mutual_tls, tls=Tls(str(ca))), kind(behind_mutual_tls)):
        with pytest.raises(Unreachable):
            await Asker(unknown)("predict", "fraud", ENTITIES, timeout=5)
        await Asker(unknown)("close")
    await Asker(known)("close")


async def test_tls_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give both, or neither"):
        Tls(certificate="client.pem")
    with pytest.raises(OSError, match=r"missing\.pem"):
        SluiceClient("127.0.0.1:1", tls=Tls(tmp_path / "missing.pem"))
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        with pytest.raises(ValueError, match="a channel or tls, not both"):
            AsyncSluiceClient("127.0.0.1:1", channel, tls=Tls())


async def test_predict(ask: Asker, door: ScriptedDoor) -> None:
    def late(call: Any) -> Any:
        answer = approve(call)
        answer.statuses, answer.degraded_reasons = {"card_count_1d": FeatureStatus.LATE}, ("features late",)
        return answer

    door.script = late
    prediction = await ask(
        "predict", "fraud", ENTITIES, FEATURES, timeout=5, unit="u", priority="critical", request_id="r"
    )
    assert isinstance(prediction, Prediction)
    assert (prediction.score, prediction.decision, prediction.arm) == (0.125, "approve", "champion")
    assert (prediction.degraded, prediction.degraded_reasons) == (True, ("features late",))
    assert prediction.feature_statuses == {"card_count_1d": "late"}
    assert (prediction.request_id, prediction.timings) == ("r", Timings(1, 200, 7, 300))
    (call,) = door.calls
    assert dict(call.entities) == {"card_id": 1, "store_id": str(2**70)}
    assert dict(call.features) == FEATURES
    assert (call.unit, call.priority) == ("u", Priority.CRITICAL)
    assert call.deadline - call.received < 6


async def test_predict_many(ask: Asker, door: ScriptedDoor) -> None:
    door.script = lambda call: GatewayOverloaded("later") if call.entities["card_id"] == 2 else approve(call)
    answer = await ask("predict_many", "fraud", [Row({"card_id": n}, FEATURES) for n in (1, 2)], request_id="m")
    assert answer.request_id == "m"
    assert answer.results[0].decision == "approve"
    assert answer.results[1] == RowError("OVERLOADED", "later", retryable=True)


async def test_describe(ask: Asker) -> None:
    deployment = await ask("describe", "fraud")
    assert [field.name for field in deployment.entities] == ["card_id", "store_id"]
    assert (deployment.features[0].minimum, deployment.features[1].minimum) == (0.0, None)
    assert (deployment.decisions, deployment.arms[1].share) == (FRAUD.decisions, 0.05)


async def test_a_refusal_keeps_code_request_id_and_whether_to_retry(ask: Asker, door: ScriptedDoor) -> None:
    door.script = lambda call: GatewayOverloaded("too much")
    with pytest.raises(Overloaded, match="too much") as caught:
        await ask("predict", "fraud", ENTITIES, request_id="r-9")
    assert (caught.value.code, caught.value.retryable, caught.value.request_id) == ("OVERLOADED", True, "r-9")


async def test_time_over(ask: Asker, door: ScriptedDoor) -> None:
    door.script = lambda call: None
    with pytest.raises(DeadlineExceeded) as caught:
        await ask("predict", "fraud", ENTITIES, timeout=0.05)
    assert caught.value.code == "DEADLINE_EXCEEDED"


async def test_nobody_there() -> None:
    async with AsyncSluiceClient("127.0.0.1:1") as client:
        with pytest.raises(Unreachable) as caught:
            await client.predict("fraud", {})
    assert caught.value.retryable


async def test_a_value_that_cannot_travel() -> None:
    async with AsyncSluiceClient("127.0.0.1:1") as client:
        with pytest.raises(TypeError, match="NoneType"):
            await client.predict("fraud", {"card_id": None})  # type: ignore[dict-item]
        with pytest.raises(SluiceError):
            await client.predict("fraud", {}, {"amount": math.nan})


def test_the_client_knows_every_error_of_the_gateway() -> None:
    ours = {kind.code for kind in SluiceError.__subclasses__()} | {SluiceError.code}
    assert {kind.code for kind in GatewayError.__subclasses__()} <= ours
    assert client_errors.retryable("A_CODE_OF_TOMORROW") is False
