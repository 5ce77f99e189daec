"""Any inference request at all, on both wires: always one answer, never INTERNAL, and no rows that were not sent."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types

from gateway.call import Call
from gateway.fronts.application import FrontApplication
from gateway.fronts.grpc_wire import frame
from gateway.fronts.limits import FrontLimits
from gateway.tensor import DATATYPES, joined
from gateway.testing.scripted_door import ScriptedDoor, approve

pytestmark = pytest.mark.fuzz

LIMITS = FrontLimits(max_body_bytes=2_000, max_rows=4)
SERVICE = "/inference.GRPCInferenceService"
METHODS = ["ModelInfer"] * 8 + [
    "ServerLive", "ServerReady", "ServerMetadata", "ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics",
    "RepositoryIndex", "RepositoryModelLoad", "LogSettings", "Nothing",
]  # fmt: skip
PATHS = ["models/fraud/infer"] * 6 + [
    "models/fraud/versions/1/infer", "models/fraud/versions/9/infer", "models//infer", "models/other/infer",
    "repository/index", "health/live",
]  # fmt: skip

names = st.one_of(
    st.sampled_from(["card_id", "store_id", "amount", "features", "unit", "decision"]), st.text(max_size=4)
)
datatypes = st.one_of(st.sampled_from(sorted(DATATYPES)), st.text(max_size=3))
extents = st.one_of(st.integers(0, 4), st.integers(-(2**63), 2**63 - 1))
shapes = st.lists(extents, max_size=3)
raws = st.one_of(
    st.binary(max_size=40),
    st.lists(st.binary(max_size=6), max_size=4).map(joined),
    st.sampled_from([8, 16, 32]).map(bytes),
)
scalars = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans(), st.text(max_size=8))
parameters = st.dictionaries(
    st.one_of(st.sampled_from(["unit", "priority", "timeout", "partial", "binary_data_output"]), st.text(max_size=4)),
    st.one_of(scalars, st.sampled_from([0, 1, "critical", True])),
    max_size=3,
)

wanted = st.lists(st.sampled_from(["score", "decision", "arm", "status"]), max_size=3, unique=True)
SIZES = {"BOOL": 1, "UINT8": 1, "INT8": 1, "INT16": 2, "FP16": 2, "INT32": 4, "FP32": 4, "INT64": 8, "FP64": 8}


@st.composite
def columns(draw: st.DrawFn) -> list[tuple[str, str, list[int], bytes]]:
    """Inputs that agree on their rows: name, datatype, shape and raw bytes."""
    rows, found = draw(st.integers(1, 5)), []
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        shape = draw(st.sampled_from([[rows], [rows, 1]]))
        datatype = draw(st.sampled_from([*SIZES, "BYTES"]))
        if name == "features":
            shape, datatype = [rows, draw(st.integers(0, 5))], "FP32"
        count = rows if len(shape) == 1 else rows * shape[1]
        if datatype == "BYTES":
            raw = joined(one.encode() for one in draw(st.lists(st.text(max_size=4), min_size=count, max_size=count)))
        else:
            raw = draw(st.binary(min_size=count * SIZES[datatype], max_size=count * SIZES[datatype]))
            raw = bytes(byte & 1 for byte in raw) if datatype == "BOOL" else raw
        found.append((name, datatype, shape, raw))
    return found


def _message(inputs: list[tuple[str, str, list[int], bytes]], outputs: list[str], said: dict[str, Any]) -> Any:
    message = _with(pb.ModelInferRequest(model_name="fraud"), said)
    for name, datatype, shape, raw in inputs:
        message.inputs.add(name=name, datatype=datatype, shape=shape)
        message.raw_input_contents.append(raw)
    for name in outputs:
        message.outputs.add(name=name)
    return message


def _body(
    inputs: list[tuple[str, str, list[int], bytes]], outputs: list[str], said: dict[str, Any]
) -> tuple[bytes, bytes]:
    tensors = [
        {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(raw)}}
        for name, datatype, shape, raw in inputs
    ]
    body = {"inputs": tensors, "outputs": [{"name": name} for name in outputs], "parameters": said}
    return json.dumps(body).encode(), b"".join(raw for _, _, _, raw in inputs)


def _with(message: Any, said: dict[str, Any]) -> Any:
    kinds = {bool: "bool_param", int: "int64_param", float: "double_param", str: "string_param"}
    for name, value in said.items():
        setattr(message.parameters[name], kinds[type(value)], value)
    return message


contents = st.fixed_dictionaries(
    {},
    optional={
        "bool_contents": st.lists(st.booleans(), max_size=3),
        "int_contents": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=3),
        "int64_contents": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
        "uint64_contents": st.lists(st.integers(0, 2**64 - 1), max_size=3),
        "fp32_contents": st.lists(st.floats(width=32), max_size=3),
        "fp64_contents": st.lists(st.floats(), max_size=3),
        "bytes_contents": st.lists(st.binary(max_size=4), max_size=3),
    },
)
tensors = st.builds(
    lambda name, datatype, shape, held, said: _with(
        pb.ModelInferRequest.InferInputTensor(
            name=name, datatype=datatype, shape=shape, contents=pb.InferTensorContents(**held)
        ),
        said,
    ),
    names,
    datatypes,
    shapes,
    st.one_of(st.just({}), contents),
    st.one_of(st.just({}), parameters),
)
messages = st.builds(
    lambda version, number, said, inputs, raw, wanted: _with(
        pb.ModelInferRequest(
            model_name="fraud",
            model_version=version,
            id=number,
            inputs=inputs,
            raw_input_contents=raw[: len(inputs)] if len(raw) > len(inputs) > 0 else raw,
            outputs=[pb.ModelInferRequest.InferRequestedOutputTensor(name=name) for name in wanted],
        ),
        said,
    ),
    st.sampled_from(["", "", "1", "9"]),
    st.text(max_size=4),
    parameters,
    st.lists(tensors, max_size=4),
    st.lists(raws, max_size=4),
    st.lists(st.one_of(st.sampled_from(["score", "decision", "arm", "status"]), names), max_size=3),
)

leaves = st.one_of(st.none(), scalars)
data = st.recursive(st.lists(leaves, max_size=4), lambda inner: st.lists(inner, max_size=3), max_leaves=8)
json_tensors = st.fixed_dictionaries(
    {"name": names, "shape": shapes, "datatype": datatypes},
    optional={
        "data": st.one_of(data, leaves),
        "parameters": st.one_of(
            parameters, st.integers(-1, 20).map(lambda size: {"binary_data_size": size}), st.none(), st.just([1])
        ),
    },
)
bodies = st.one_of(
    st.fixed_dictionaries(
        {"inputs": st.lists(json_tensors, max_size=4)},
        optional={
            "id": st.one_of(st.text(max_size=4), st.none(), st.integers()),
            "parameters": st.one_of(parameters, st.none()),
            "outputs": st.lists(
                st.builds(lambda name, said: {"name": name, "parameters": said}, names, parameters), max_size=2
            ),
            "others": leaves,
        },
    ),
    data,
)


@st.composite
def mangled(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Mostly whole, sometimes with bytes changed, put in, cut out or cut off."""
    found = bytearray(draw(whole))
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        at = draw(st.integers(0, len(found)))
        found[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(found[: draw(st.one_of(st.just(len(found)), st.integers(0, len(found))))])


class Front:
    """The application in a loop of its own: made once, because that takes longer than a thousand requests."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.door = ScriptedDoor(self.answer, keep=0)
        self.application = FrontApplication(self.door, LIMITS, clock=lambda: 100.0)
        self.calls = 0

    def answer(self, call: Call) -> Any:
        """Look at everything that a line would look at."""
        self.calls += 1
        assert call.unit.encode() is not None
        values = [*call.entities.values(), *call.features.values()]
        assert all(type(value) in (int, float, str, bool) for value in values)
        assert call.vector is None or not values
        assert call.deadline >= call.received
        return approve(call)

    def ask(self, path: str, headers: dict[bytes, bytes], body: bytes, version: str) -> list[dict[str, Any]]:
        """Send a body; return what the application sent, once it has said everything."""
        self.calls = 0
        events = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []
        scope = {"type": "http", "http_version": version, "method": "POST", "path": path, "query_string": b""}
        scope |= {"raw_path": path.encode("utf-8", "replace"), "headers": list(headers.items())}

        async def receive() -> dict[str, Any]:
            return events.pop(0) if events else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        async def run() -> None:
            await self.application(scope, receive, send)

        self.loop.run_until_complete(run())
        assert self.calls <= LIMITS.max_rows
        return sent


partly = st.one_of(st.just({}), st.just({"partial": True}), st.just({"unit": "7", "priority": 1, "timeout": 10**6}))


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    loop = asyncio.new_event_loop()
    yield Front(loop)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@given(
    st.sampled_from(METHODS),
    st.one_of(mangled(messages.map(lambda message: message.SerializeToString())), st.binary(max_size=40)),
    st.sampled_from(["", "gzip", "deflate", "lie"]),
)
def test_grpc_always_answers(front: Front, method: str, body: bytes, encoding: str) -> None:
    headers = {b"content-type": b"application/grpc"}
    whole = frame(body)
    if encoding:
        headers[b"grpc-encoding"] = b"deflate" if encoding == "deflate" else b"gzip"
        packed = body if encoding == "lie" else gzip.compress(body)
        whole = b"\1" + frame(packed)[1:]
    sent = front.ask(f"{SERVICE}/{method}", headers, whole, "2")
    ending = dict(sent[0]["headers"]) | dict(sent[-1].get("headers", []))
    assert int(ending[b"grpc-status"]) in (0, 3, 5, 8, 12)
    if int(ending[b"grpc-status"]) == 0 and method == "ModelInfer":
        check_message(front, sent)


def check_message(front: Front, sent: list[dict[str, Any]]) -> None:
    """Fail unless every output has an element for each row that was asked for."""
    answer = pb.ModelInferResponse.FromString(sent[1]["body"][5:])
    assert len(answer.raw_output_contents) == len(answer.outputs) > 0
    assert {tuple(output.shape) for output in answer.outputs} == {(front.calls,)}


@given(columns(), wanted, partly)
def test_what_fits_becomes_rows(
    front: Front, inputs: list[tuple[str, str, list[int], bytes]], outputs: list[str], said: dict[str, Any]
) -> None:
    rows = inputs[0][2][0]
    body = _message(inputs, outputs, said).SerializeToString()
    sent = front.ask(f"{SERVICE}/ModelInfer", {b"content-type": b"application/grpc"}, frame(body), "2")
    ending = dict(sent[0]["headers"]) | dict(sent[-1].get("headers", []))
    by_grpc = int(ending[b"grpc-status"])
    assert by_grpc in ((8,) if rows > LIMITS.max_rows else (0, 3))
    if by_grpc == 0:
        assert front.calls == rows
        check_message(front, sent)
    header, binary = _body(inputs, outputs, said)
    length = {b"inference-header-content-length": b"%d" % len(header)}
    start, _ = front.ask("/v2/models/fraud/infer", length, header + binary, "1.1")
    assert start["status"] == {0: 200, 3: 400, 8: 413}[by_grpc], "both wires say the same"


@given(
    st.sampled_from(PATHS),
    mangled(bodies.map(lambda body: json.dumps(body).encode())),
    st.binary(max_size=20),
    st.one_of(st.none(), st.just(b"exact"), st.binary(max_size=6), st.integers(0, 200).map(lambda n: b"%d" % n)),
    st.sampled_from([b"", b"", b"gzip", b"br"]),
)
def test_http_always_answers(
    front: Front, path: str, body: bytes, binary: bytes, length: bytes | None, encoding: bytes
) -> None:
    headers = {b"content-encoding": encoding} if encoding else {}
    if length is not None:
        headers[b"inference-header-content-length"] = b"%d" % len(body) if length == b"exact" else length
        body += binary
    start, answer = front.ask(f"/v2/{path}", headers, gzip.compress(body) if encoding == b"gzip" else body, "1.1")
    assert start["status"] in (200, 400, 404, 405, 413, 415)
    said_length = dict(start["headers"]).get(b"inference-header-content-length")
    said = json.loads(answer["body"][: None if said_length is None else int(said_length)])
    if start["status"] != 200:
        assert said["code"] != "INTERNAL"
        assert isinstance(said["error"], str)
    elif path.endswith("infer"):
        assert {tuple(output["shape"]) for output in said["outputs"]} == {(front.calls,)}
