"""The fronts: request bytes to a call, an answer to bytes, and both together through the ASGI application."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import msgspec
from pytest_benchmark.fixture import BenchmarkFixture

from gateway.call import Answer
from gateway.fronts import grpc_messages, json_messages
from gateway.fronts.application import FrontApplication
from gateway.testing.scripted_door import ScriptedDoor
from loadtests.cases import Case
from loadtests.dialect import Target, dialect
from protos.sluice.v1.prediction_pb2 import PredictRequest, PredictResponse

_CASE = Case({"card_id": 32261, "store_id": 8516}, {"amount": 24900.0, "customer_present": True})
_ANSWER = Answer({"score": 0.018}, "approve", "champion", "1", "1", (), {}, 61e-6, 240e-6, 96e-6, 412e-6)
_GRPC = {"content-type": "application/grpc", "te": "trailers", "grpc-timeout": "100m", "user-agent": "bench"}
_AT_ONCE = 64  # starting the loop costs as much as a call
_JSON = {"content-type": "application/json", "host": "localhost", "sluice-timeout-ms": "100"}


def bench_grpc_decode(benchmark: BenchmarkFixture) -> None:
    body = dialect("grpc", Target("localhost", 1)).encode(_CASE, "r").body[5:]
    row = benchmark(lambda: grpc_messages.row_input(grpc_messages.parse(PredictRequest, body)))
    assert row.features == _CASE.features


def bench_grpc_encode(benchmark: BenchmarkFixture) -> None:
    body = benchmark(grpc_messages.predict_response, "r", _ANSWER)
    assert PredictResponse.FromString(body).prediction.outputs == {"score": 0.018}


def bench_json_encode(benchmark: BenchmarkFixture) -> None:
    body = benchmark(json_messages.predict_answer, "r", _ANSWER)
    assert msgspec.json.decode(body)["prediction"]["outputs"] == {"score": 0.018}


def bench_grpc_front(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop) -> None:
    body = dialect("grpc", Target("localhost", 1)).encode(_CASE, "r").body
    sent = _through(benchmark, loop, "/sluice.v1.Predictions/Predict", _GRPC, "2", body)
    assert sent[-1]["headers"][0] == (b"grpc-status", b"0")


def bench_json_front(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop) -> None:
    body = dialect("http", Target("localhost", 1)).encode(_CASE, "r").body
    sent = _through(benchmark, loop, "/v1/deployments/fraud:predict", _JSON, "1.1", body)
    assert sent[0]["status"] == 200


def _through(
    benchmark: BenchmarkFixture,
    loop: asyncio.AbstractEventLoop,
    path: str,
    headers: dict[str, str],
    version: str,
    body: bytes,
) -> list[MutableMapping[str, Any]]:
    """Send a request some times over in every round; return what the application sent to the last."""
    benchmark.extra_info["rows"] = _AT_ONCE
    sent: list[MutableMapping[str, Any]] = []
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def make() -> FrontApplication:
        return FrontApplication(ScriptedDoor(keep=0))

    async def ask() -> None:
        for _ in range(_AT_ONCE):
            sent.clear()
            scope = {"type": "http", "http_version": version, "method": "POST", "path": path, "headers": fields}
            await application(scope, receive, send)

    application = loop.run_until_complete(make())
    benchmark(lambda: loop.run_until_complete(ask()))
    return sent
