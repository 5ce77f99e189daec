"""The ASGI application driven by hand: bytes in, bytes out, no socket and no server."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.call import Answer, Call
from gateway.errors import GatewayError, Overloaded
from gateway.fronts.application import FrontApplication
from gateway.fronts.grpc_wire import frame
from gateway.fronts.limits import FrontLimits
from gateway.testing.scripted_door import ScriptedDoor, approve
from protos.sluice.v1 import prediction_pb2 as pb

PREDICT = "/sluice.v1.Predictions/Predict"
JSON = "/v1/deployments/fraud:predict"
REQUEST = pb.PredictRequest(deployment="fraud", request_id="r", entities={"card_id": pb.Value(int64_value=1)})
FRAME = frame(REQUEST.SerializeToString())
exact = settings(derandomize=True, deadline=None)


async def ask(
    door: ScriptedDoor,
    path: str,
    chunks: list[bytes],
    headers: dict[str, str] | None = None,
    method: str = "POST",
    leave: bool = False,
    version: str = "2",
) -> list[dict[str, Any]]:
    """Send a request of these chunks; return every message that the application sent."""
    events: list[dict[str, Any]] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if leave:
        events.append({"type": "http.disconnect"})
    else:
        events.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": version,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
    }
    app = FrontApplication(door, FrontLimits(max_body_bytes=1000), clock=lambda: 100.0)
    await app(scope, receive, send)
    return sent


async def grpc(door: ScriptedDoor, chunks: list[bytes], path: str = PREDICT, **headers: str) -> list[dict[str, Any]]:
    return await ask(door, path, chunks, {"content-type": "application/grpc", **headers})


async def post(
    door: ScriptedDoor, body: bytes, path: str = JSON, **headers: str
) -> tuple[int, dict[bytes, bytes], dict[str, Any]]:
    sent = await ask(door, path, [body], {"content-type": "application/json", **headers})
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"])


def status(sent: list[dict[str, Any]]) -> int:
    headers = dict(sent[0]["headers"])
    return int(headers[b"grpc-status"] if b"grpc-status" in headers else dict(sent[-1]["headers"])[b"grpc-status"])


async def test_a_unary_call_is_one_frame_and_trailers() -> None:
    start, body, trailers = await grpc(ScriptedDoor(), [FRAME])
    assert start["status"] == 200
    assert start["trailers"] is True
    assert dict(start["headers"]) == {b"content-type": b"application/grpc", b"x-request-id": b"r"}
    assert pb.PredictResponse.FromString(body["body"][5:]).prediction.decision == "approve"
    assert body["body"][:5] == b"\0" + (len(body["body"]) - 5).to_bytes(4, "big")
    assert trailers["headers"] == [(b"grpc-status", b"0")]


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_a_body_may_come_in_pieces(size: int) -> None:
    sent = await grpc(ScriptedDoor(), [FRAME[at : at + size] for at in range(0, len(FRAME), size)])
    assert status(sent) == 0


async def test_the_deadline_counts_from_when_the_bytes_are_there_and_leaves_time_for_the_way_back() -> None:
    door = ScriptedDoor()
    await grpc(door, [FRAME], **{"grpc-timeout": "50m"})
    await post(door, b"{}", **{"sluice-timeout-ms": "50"})
    await post(door, b"{}", **{"sluice-timeout-ms": "0"})
    assert [(call.received, call.deadline) for call in door.calls] == [
        (100.0, 100.045),
        (100.0, 100.045),
        (100.0, 100.0),
    ]


@pytest.mark.parametrize(
    ("chunks", "path", "headers", "expected"),
    [
        ([b"\x01\0\0\0\0"], PREDICT, {}, 12),
        ([FRAME], "/sluice.v1.Predictions/Nothing", {}, 12),
        ([FRAME], "/nobody.v1.Nothing/Nothing", {}, 12),
        ([FRAME + FRAME], PREDICT, {}, 3),
        ([], PREDICT, {}, 3),
        ([frame(b"\xff\xff")], PREDICT, {}, 3),
        ([FRAME], PREDICT, {"grpc-timeout": "soon"}, 3),
        ([FRAME], PREDICT, {"sluice-priority": "urgent"}, 3),
        ([b"x" * 600, b"x" * 600], PREDICT, {}, 8),
        ([], PREDICT, {"content-length": "5000"}, 8),
        ([frame(b"\x0a\x07nowhere")], "/grpc.health.v1.Health/Check", {}, 5),
        ([frame(b"")], "/grpc.health.v1.Health/Check", {}, 0),
    ],
)
async def test_grpc_status(chunks: list[bytes], path: str, headers: dict[str, str], expected: int) -> None:
    sent = await grpc(ScriptedDoor(), chunks, path, **headers)
    assert sent[0]["status"] == 200
    assert status(sent) == expected


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"entitees": {}}', "entitees"),
        (b'{"entities": {"card_id": NaN}}', "JSON"),
        (b'{"features": {"amount": Infinity}}', "JSON"),
        (b'{"features": {"amount": 1e999}}', "amount|range"),
        (b'{"entities": {"card_id": 9223372036854775808}}', "card_id"),
        (b'{"entities": {"card_id": [1]}}', "card_id"),
        (b'{"unit": 7}', "unit"),
        (b"[]", "object"),
        (b"{} {}", "JSON"),
        (b'{"a":' + b"[" * 900, "a"),
    ],
)
async def test_json_is_strict_and_says_what_is_wrong(body: bytes, named: str) -> None:
    code, _, answer = await post(ScriptedDoor(), body)
    assert (code, answer["error"]["code"]) == (400, "INVALID_REQUEST")
    assert any(name in answer["error"]["message"] for name in named.split("|"))


async def test_nan_in_protobuf_is_left_to_the_line() -> None:
    door = ScriptedDoor()
    request = pb.PredictRequest(deployment="fraud", features={"amount": pb.Value(double_value=float("nan"))})
    await grpc(door, [frame(request.SerializeToString())])
    assert door.calls[0].features["amount"] != door.calls[0].features["amount"]


@pytest.mark.parametrize("path", [PREDICT, JSON])
async def test_who_leaves_in_the_middle_gets_no_answer_and_makes_no_call(path: str) -> None:
    door = ScriptedDoor()
    kind = "application/grpc" if path == PREDICT else "application/json"
    assert await ask(door, path, [FRAME[:7]], {"content-type": kind}, leave=True) == []
    assert not door.calls


@pytest.mark.parametrize(
    ("path", "method", "headers", "version", "expected"),
    [
        (PREDICT, "POST", {"content-type": "application/json"}, "2", 415),
        (PREDICT, "POST", {"content-type": "application/grpc"}, "1.1", 415),
        (PREDICT, "POST", {"content-type": "application/grpc-web"}, "2", 415),
        (PREDICT, "GET", {"content-type": "application/grpc"}, "2", 405),
        (JSON, "POST", {}, "2", 415),
        (JSON, "POST", {"content-type": "text/plain"}, "2", 415),
        (JSON, "POST", {"content-type": "application/json", "content-encoding": "gzip"}, "2", 415),
        (JSON, "POST", {"content-type": "application/json; charset=utf-8"}, "2", 200),
        (JSON, "GET", {}, "2", 405),
        ("/v1/deployments/fraud:explain", "POST", {"content-type": "application/json"}, "2", 404),
        ("/v1/deployments/a/b:predict", "POST", {"content-type": "application/json"}, "2", 404),
        ("/v1/deployments/:predict", "POST", {"content-type": "application/json"}, "2", 404),
        ("/nowhere", "GET", {}, "2", 404),
        ("/healthz", "POST", {}, "2", 405),
    ],
)
async def test_http_refusals(path: str, method: str, headers: dict[str, str], version: str, expected: int) -> None:
    sent = await ask(ScriptedDoor(), path, [b"{}"], headers, method, version=version)
    assert sent[0]["status"] == expected
    names = dict(sent[0]["headers"])
    if expected != 200:
        body = json.loads(sent[1]["body"])
        assert body["error"]["message"]
        assert body["request_id"] == names[b"x-request-id"].decode()
    if expected == 405:
        assert names[b"allow"]


@exact
@given(st.binary(max_size=200))
async def test_hostile_json_is_refused_or_understood(body: bytes) -> None:
    code, _, answer = await post(ScriptedDoor(), body)
    assert code in (200, 400)
    assert answer["request_id"]


@exact
@given(st.binary(max_size=200))
async def test_hostile_protobuf_is_refused_or_understood(body: bytes) -> None:
    assert status(await grpc(ScriptedDoor(), [frame(body)])) in (0, 3, 5)


async def test_a_late_reply_to_a_cancelled_call_is_ignored() -> None:
    door = ScriptedDoor(lambda call: None)
    asking = asyncio.ensure_future(ask(door, JSON, [b"{}"], {"content-type": "application/json"}))
    await door.until_held()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    door.held[0].reply(approve(door.held[0]))


async def test_a_row_that_cannot_be_read_fails_alone() -> None:
    door = ScriptedDoor()
    rows = b'[{"entities": {"card_id": 1}}, null, {"moon": 1}, {"features": {"amount": null}}, {"unit": "%s"}, {}]'
    body = b'{"rows": ' + rows.replace(b"%s", b"u" * 300) + b"}"
    code, _, document = await post(door, body, path=f"{JSON}Many")
    results = document["results"]
    assert code == 200
    assert ["prediction" if result.get("prediction") else result["error"]["code"] for result in results] == [
        "prediction",
        *["INVALID_REQUEST"] * 4,
        "prediction",
    ]


async def test_a_grpc_row_that_cannot_be_read_fails_alone() -> None:
    good, bad = pb.Row(unit="a"), pb.Row(unit="b")
    bad.features["amount"].SetInParent()
    request = pb.PredictManyRequest(deployment="fraud", rows=[good, bad, pb.Row(unit="u" * 300), good])
    body = request.SerializeToString()
    framed = b"\0" + len(body).to_bytes(4, "big") + body
    sent = await grpc(ScriptedDoor(), [framed], path="/sluice.v1.Predictions/PredictMany")
    results = pb.PredictManyResponse.FromString(sent[1]["body"][5:]).results
    assert [result.WhichOneof("result") for result in results] == ["prediction", "error", "error", "prediction"]


MANY = pb.PredictManyRequest(deployment="fraud", rows=[pb.Row(unit=str(number)) for number in range(5)])
MANY_FRAME = frame(MANY.SerializeToString())


async def test_many_rows_are_refused_as_one_where_there_is_no_room() -> None:
    door = ScriptedDoor()
    door.refuses = Overloaded("later", 0.05)
    sent = await grpc(door, [MANY_FRAME], path="/sluice.v1.Predictions/PredictMany")
    assert dict(sent[0]["headers"])[b"sluice-code"] == b"OVERLOADED"
    sent = await ask(door, JSON + "Many", [b'{"rows": [{}, {}]}'], {"content-type": "application/json"})
    assert sent[0]["status"] == 429
    assert not door.calls, "no row was read"


async def test_rows_for_which_there_is_no_room_any_more_are_refused_without_asking_for_each() -> None:
    door = ScriptedDoor()

    def full_at_the_second(call: Call) -> Answer | GatewayError:
        if len(door.calls) < 2:
            return approve(call)
        door.refuses = Overloaded("later", 0.05)
        return door.refuses

    door.script = full_at_the_second
    sent = await grpc(door, [MANY_FRAME], path="/sluice.v1.Predictions/PredictMany")
    results = pb.PredictManyResponse.FromString(sent[1]["body"][5:]).results
    assert [result.WhichOneof("result") for result in results] == ["prediction"] + ["error"] * 4
    assert len(door.calls) == 2
