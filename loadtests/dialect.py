"""The three ways of asking for a prediction: how a call is encoded, carried and judged in each."""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field

import msgspec

from loadtests.answer import Contract, Judge, grpc_judge, json_judge
from loadtests.cases import Case, Scalar
from loadtests.exchange import Request, Wire
from loadtests.header_block import BlockReader, post_block
from loadtests.http1 import Http1Wire, post_head
from loadtests.http2 import Http2Wire
from protos.sluice.v1.prediction_pb2 import PredictRequest, Value

DIALECTS = ("grpc", "http", "http2")
"""gRPC over HTTP/2, JSON over HTTP/1.1, JSON over HTTP/2; all in clear text."""

_GRPC_PATH = "/sluice.v1.Predictions/Predict"


@dataclass(frozen=True, slots=True)
class Target:
    """Who is asked: the gateway's address for this dialect, the deployment, its contract and the caller's deadline.

    Without a `priority` the header is left out.
    """

    host: str
    port: int
    deployment: str = "fraud"
    timeout_ms: int = 100
    contract: Contract = field(default_factory=Contract)
    priority: str = ""

    @property
    def authority(self) -> str:
        """The address as it stands in a request."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of asking. `make_wire` is called once for every connection that is opened."""

    name: str
    pipelines: bool
    encode: Callable[[Case, str], Request]
    make_wire: Callable[[], Wire]
    judge: Judge


def dialect(name: str, target: Target) -> Dialect:
    """Return the dialect of that name, speaking to `target`."""
    return {"grpc": _grpc, "http": _http, "http2": _http2}[name](target)


def requests(spoken: Dialect, cases: list[Case]) -> list[Request]:
    """Encode every case once. Every second call brings a request id; the others leave it to the gateway."""
    return [spoken.encode(case, f"load-{number}" if number % 2 else "") for number, case in enumerate(cases)]


def _grpc(target: Target) -> Dialect:
    def encode(case: Case, request_id: str) -> Request:
        message = PredictRequest(deployment=target.deployment, unit=case.unit, request_id=request_id)
        set_values(message.entities, case.entities)
        set_values(message.features, case.features)
        return grpc_frame(message.SerializeToString(), request_id)

    return Dialect("grpc", True, encode, grpc_wires(target, _GRPC_PATH), grpc_judge(target.contract))


def grpc_wires(target: Target, path: str) -> Callable[[], Wire]:
    """Return what makes the wires of calls to one gRPC method."""
    fields = _http2_fields(target, path, "application/grpc")
    block = post_block(fields | {"te": "trailers", "grpc-timeout": f"{target.timeout_ms}m"})
    reader = BlockReader()
    return lambda: Http2Wire(block, reader)


def grpc_frame(message: bytes, request_id: str) -> Request:
    """Put gRPC's prefix before a message."""
    return Request(b"\0" + len(message).to_bytes(4, "big") + message, request_id)


def set_values(into: MutableMapping[str, Value], values: Mapping[str, Scalar]) -> None:
    """Write plain values into a protobuf map."""
    for name, value in values.items():
        setattr(into[name], _KINDS[type(value)], value)


def _http(target: Target) -> Dialect:
    head = post_head(_json_path(target), {"host": target.authority} | _json_fields(target))
    return Dialect("http", False, _encode_json, lambda: Http1Wire(head), json_judge(target.contract))


def _http2(target: Target) -> Dialect:
    fields = _http2_fields(target, _json_path(target), "application/json")
    block = post_block(fields | {"sluice-timeout-ms": str(target.timeout_ms)})
    reader = BlockReader()
    return Dialect("http2", True, _encode_json, lambda: Http2Wire(block, reader), json_judge(target.contract))


def _encode_json(case: Case, request_id: str) -> Request:
    body = {"entities": case.entities, "features": case.features}
    optional = {"unit": case.unit, "request_id": request_id}
    return Request(msgspec.json.encode(body | {name: text for name, text in optional.items() if text}), request_id)


def _http2_fields(target: Target, path: str, content_type: str) -> dict[str, str]:
    fields = {":path": path, ":authority": target.authority, "content-type": content_type, "user-agent": "sluice-load"}
    return fields | _priority_field(target)


def _json_path(target: Target) -> str:
    return f"/v1/deployments/{target.deployment}:predict"


def _json_fields(target: Target) -> dict[str, str]:
    fields = {"content-type": "application/json", "sluice-timeout-ms": str(target.timeout_ms)}
    return fields | _priority_field(target)


def _priority_field(target: Target) -> dict[str, str]:
    return {"sluice-priority": target.priority} if target.priority else {}


_KINDS: dict[type[Scalar], str] = {
    bool: "bool_value",
    int: "int64_value",
    float: "double_value",
    str: "string_value",
}
