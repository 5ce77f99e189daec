"""Any request at all, at both protocols: always one answer, never INTERNAL, never an exception."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call import Call
from gateway.errors import InvalidRequest
from gateway.fronts.application import FrontApplication
from gateway.fronts.caller import Caller, RequestIds, milliseconds
from gateway.fronts.grpc_messages import parse, row_input
from gateway.fronts.grpc_wire import frame, timeout_seconds
from gateway.fronts.limits import FrontLimits
from gateway.testing.scripted_door import ScriptedDoor
from protos.sluice.v1 import prediction_pb2 as pb

pytestmark = pytest.mark.fuzz

LIMITS = FrontLimits(max_body_bytes=2_000, max_rows=4)
GRPC_PATHS = [f"/sluice.v1.Predictions/{verb}" for verb in ("Predict", "PredictMany", "DescribeDeployment", "Nothing")]
JSON_PATHS = [f"/v1/deployments/{rest}" for rest in ("fraud:predict", "fraud:predictMany", "other:predict", ":predict")]

texts = st.text(max_size=12)
scalars = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans(), texts)
maps = st.dictionaries(st.one_of(st.sampled_from(["card_id", "store_id", "amount"]), texts), scalars, max_size=4)


def value(scalar: Any) -> pb.Value:
    kinds = {bool: "bool_value", int: "int64_value", float: "double_value", str: "string_value"}
    return pb.Value(**{kinds[type(scalar)]: scalar})


def messages(entities: dict[str, Any], features: dict[str, Any]) -> dict[str, Any]:
    return {
        "entities": {name: value(scalar) for name, scalar in entities.items()},
        "features": {name: value(scalar) for name, scalar in features.items()},
    }


predict = st.builds(
    lambda entities, features, unit, request_id: pb.PredictRequest(
        deployment="fraud", unit=unit, request_id=request_id, **messages(entities, features)
    ),
    maps,
    maps,
    texts,
    texts,
)
predict_many = st.lists(predict, max_size=5).map(
    lambda rows: pb.PredictManyRequest(
        deployment="fraud",
        rows=[pb.Row(entities=row.entities, features=row.features, unit=row.unit) for row in rows],
    )
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), scalars),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
json_fields = ["entities", "features", "unit", "request_id", "rows"]
json_bodies = st.one_of(
    st.fixed_dictionaries({}, optional={"entities": maps, "features": maps, "unit": texts, "request_id": texts}),
    st.dictionaries(st.one_of(st.sampled_from(json_fields), texts), json_values, max_size=4),
    st.fixed_dictionaries({"rows": st.lists(st.one_of(st.dictionaries(texts, json_values, max_size=2)), max_size=5)}),
    json_values,
)
fields = st.dictionaries(
    st.sampled_from([b"x-request-id", b"sluice-unit", b"sluice-priority", b"traceparent", b"content-length"]),
    st.binary(max_size=20),
    max_size=2,
)
times = st.one_of(st.binary(max_size=10), st.builds(lambda n, u: b"%d%c" % (n, u), st.integers(0), st.integers(0, 255)))


@st.composite
def mangled(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Mostly whole, sometimes with bytes changed, put in, cut out or cut off."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data[: draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))])


protobufs = mangled(st.one_of(predict, predict_many).map(lambda message: message.SerializeToString()))
grpc_bodies = st.one_of(protobufs.map(frame), mangled(protobufs.map(frame)), st.binary(max_size=60))
jsons = mangled(json_bodies.map(lambda body: json.dumps(body).encode()))


class Front:
    """The application in a loop of its own: made once, because that takes longer than a thousand requests."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.application = FrontApplication(ScriptedDoor(_readable), LIMITS, clock=lambda: 100.0)


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    loop = asyncio.new_event_loop()
    yield Front(loop)
    loop.close()


def ask(front: Front, scope: dict[str, Any], body: bytes, cuts: list[int]) -> list[dict[str, Any]]:
    """Send a body in pieces; return what the application sent, once it has said everything."""
    ends = sorted({min(cut, len(body)) for cut in cuts} | {len(body)})
    parts = [body[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    events = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    events[-1]["more_body"] = False
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return events.pop(0) if events else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        await front.application(scope, receive, send)

    front.loop.run_until_complete(run())
    return sent


def _readable(call: Call) -> Any:
    """Look at everything that a line would look at, then refuse: only the front is under trial here."""
    assert call.unit.encode() is not None
    assert all(type(scalar) in (int, float, str, bool) for scalar in [*call.entities.values(), *call.features.values()])
    assert call.deadline > call.received - 1.0
    return OfTheDoor("said by the door")


class OfTheDoor(InvalidRequest):
    code = "OF_THE_DOOR"


def scope(path: str, headers: dict[bytes, bytes], version: str) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": version,
        "method": "POST",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": b"",
        "headers": list(headers.items()),
    }


@given(st.sampled_from(GRPC_PATHS), grpc_bodies, fields, st.none() | times, st.lists(st.integers(0, 80), max_size=2))
def test_grpc_always_answers(
    front: Front,
    path: str,
    body: bytes,
    extra: dict[bytes, bytes],
    wait: bytes | None,
    cuts: list[int],
) -> None:
    headers = {b"content-type": b"application/grpc", **extra} | ({} if wait is None else {b"grpc-timeout": wait})
    sent = ask(front, scope(path, headers, "2"), body, cuts)
    assert sent[0]["status"] == 200
    ending = dict(sent[0]["headers"]) | dict(sent[-1].get("headers", []))
    assert int(ending[b"grpc-status"]) in (0, 3, 5, 8, 12, 13)
    assert ending.get(b"sluice-code") != b"INTERNAL"
    assert all(0x20 <= byte < 0x7F for byte in ending.get(b"grpc-message", b""))
    if int(ending[b"grpc-status"]) == 0 and path.endswith("PredictMany"):
        results = pb.PredictManyResponse.FromString(sent[1]["body"][5:]).results
        assert {result.error.code for result in results} <= {"OF_THE_DOOR", "INVALID_REQUEST"}


@given(
    st.one_of(st.sampled_from(JSON_PATHS), st.text(max_size=8).map(lambda name: f"/v1/deployments/{name}:predict")),
    st.one_of(jsons, st.binary(max_size=40)),
    fields,
    st.none() | times,
    st.lists(st.integers(0, 80), max_size=2),
)
def test_json_always_answers(
    front: Front,
    path: str,
    body: bytes,
    extra: dict[bytes, bytes],
    wait: bytes | None,
    cuts: list[int],
) -> None:
    headers = {b"content-type": b"application/json", **extra} | ({} if wait is None else {b"sluice-timeout-ms": wait})
    start, answer = ask(front, scope(path, headers, "1.1"), body, cuts)
    assert start["status"] in (200, 400, 404, 413, 500)
    said = json.loads(answer["body"])
    assert dict(start["headers"])[b"x-request-id"].decode() == said["request_id"]
    if start["status"] == 200:
        assert {row["error"]["code"] for row in said["results"]} <= {"OF_THE_DOOR", "INVALID_REQUEST"}
    else:
        assert said["error"]["code"] != "INTERNAL"


@given(predict)
def test_values_are_what_protobuf_says(message: pb.PredictRequest) -> None:
    row = row_input(parse(pb.PredictRequest, message.SerializeToString()))
    for name, got in row.features.items():
        told = message.features[name]
        want: object = getattr(told, str(told.WhichOneof("kind")))
        assert repr(got) == repr(want)  # of the same type, -0.0 told from 0.0, and NaN equal to itself
    assert row.entities.keys() == set(message.entities)
    assert row.unit == message.unit


@given(protobufs)
def test_broken_messages_are_refused_or_read(body: bytes) -> None:
    for kind in (pb.PredictRequest, pb.PredictManyRequest, pb.DescribeDeploymentRequest):
        try:
            message: Any = parse(kind, body)
            if isinstance(message, pb.PredictRequest):
                row_input(message)
        except InvalidRequest:
            continue


@given(times)
def test_every_timeout_is_refused_or_a_time(text: bytes) -> None:
    for read, longest in ((timeout_seconds, 99_999_999 * 3600.0), (milliseconds, 1e7)):
        try:
            assert 0 <= read(text) <= longest
        except InvalidRequest:
            continue


@given(fields, texts, texts, st.floats(0, 1e9))
def test_every_head_is_refused_or_settled(head: dict[bytes, bytes], request_id: str, unit: str, timeout: float) -> None:
    caller = Caller(100.0)
    try:
        caller.read(head, LIMITS)
        caller.allow(timeout)
        caller.settle(request_id, unit, LIMITS, RequestIds())
    except InvalidRequest:
        return
    assert caller.request_id.isascii()
    assert caller.request_id
    assert 100.0 <= caller.deadline <= 100.0 + timeout
    assert len(caller.unit.encode()) <= LIMITS.max_unit_bytes
