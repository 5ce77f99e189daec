"""Clients that others wrote, wrapped so that the battery of the fronts need not know which protocol it speaks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import grpc
import httpx
from google.protobuf.json_format import MessageToDict

from gateway.errors import GatewayError
from gateway.fronts.status import GRPC_STATUS, HTTP_STATUS
from protos.sluice.v1 import prediction_pb2 as pb


@dataclass(frozen=True)
class Reply:
    code: str
    status: int
    message: str
    request_id: str
    body: dict[str, Any]
    hint: str = ""
    """What it says of trying again: milliseconds, or negative (gRPC); seconds (HTTP)."""


class Speaker(Protocol):
    """A client of one front, written by others, wrapped so that the battery need not know which."""

    @property
    def statuses(self) -> Mapping[type[GatewayError], int]: ...

    async def call(self, verb: str, deployment: str, body: dict[str, Any], **headers: str) -> Reply: ...
    async def raw(self, body: bytes) -> Reply: ...
    async def describe(self, deployment: str) -> Reply: ...
    async def ready(self) -> bool: ...


class GrpcSpeaker:
    statuses = GRPC_STATUS

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel: Any = channel  # its stubs want serializers that are optional

    async def call(self, verb: str, deployment: str, body: dict[str, Any], **headers: str) -> Reply:
        if verb == "predict":
            request: Any = pb.PredictRequest(deployment=deployment, **_messages(body))
        else:
            rows = [pb.Row(**_messages(row)) for row in body.pop("rows")]
            request = pb.PredictManyRequest(deployment=deployment, rows=rows, **body)
        answer = pb.PredictResponse if verb == "predict" else pb.PredictManyResponse
        return await self._ask(verb[0].upper() + verb[1:], request.SerializeToString(), answer, headers)

    async def raw(self, body: bytes) -> Reply:
        return await self._ask("Predict", body, pb.PredictResponse, {})

    async def describe(self, deployment: str) -> Reply:
        request = pb.DescribeDeploymentRequest(deployment=deployment)
        return await self._ask("DescribeDeployment", request.SerializeToString(), pb.DescribeDeploymentResponse, {})

    async def ready(self) -> bool:
        answer: bytes = await self._channel.unary_unary("/grpc.health.v1.Health/Check")(b"")
        return answer == b"\x08\x01"

    async def _ask(self, method: str, body: bytes, answer: Any, headers: dict[str, str]) -> Reply:
        timeout = headers.pop("timeout_ms", None)
        call = self._channel.unary_unary(f"/sluice.v1.Predictions/{method}")(
            body,
            timeout=None if timeout is None else int(timeout) / 1e3,
            metadata=tuple((name.replace("_", "-"), value) for name, value in headers.items()),
        )
        try:
            message = answer.FromString(await call)
        except grpc.aio.AioRpcError as error:
            trailers: dict[str, Any] = dict(cast(Any, error.trailing_metadata()))
            code, request_id = trailers.get("sluice-code", ""), trailers.get("x-request-id", "")
            hint = str(trailers.get("grpc-retry-pushback-ms", ""))
            return Reply(str(code), error.code().value[0], error.details() or "", str(request_id), {}, hint)
        body_out = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        header = dict(await call.initial_metadata()).get("x-request-id", "")
        return Reply("OK", 0, "", str(header), body_out)


class JsonSpeaker:
    statuses = HTTP_STATUS

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def call(self, verb: str, deployment: str, body: dict[str, Any], **headers: str) -> Reply:
        if "timeout_ms" in headers:
            headers["sluice_timeout_ms"] = headers.pop("timeout_ms")
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._reply(await self._client.post(f"/v1/deployments/{deployment}:{verb}", json=body, headers=names))

    async def raw(self, body: bytes) -> Reply:
        headers = {"content-type": "application/json"}
        return self._reply(await self._client.post("/v1/deployments/fraud:predict", content=body, headers=headers))

    async def describe(self, deployment: str) -> Reply:
        return self._reply(await self._client.get(f"/v1/deployments/{deployment}"))

    async def ready(self) -> bool:
        return (await self._client.get("/readyz")).status_code == 200

    def _reply(self, response: httpx.Response) -> Reply:
        body, request_id = response.json(), response.headers.get("x-request-id", "")
        if response.status_code == 200:
            return Reply("OK", 0, "", request_id, body)
        assert body["request_id"] == request_id
        hint = response.headers.get("retry-after", "")
        return Reply(body["error"]["code"], response.status_code, body["error"]["message"], request_id, {}, hint)


def _messages(body: dict[str, Any]) -> dict[str, Any]:
    kinds = {bool: "bool_value", int: "int64_value", float: "double_value", str: "string_value"}
    values: dict[str, Any] = {
        part: {name: pb.Value() if v is None else pb.Value(**{kinds[type(v)]: v}) for name, v in body[part].items()}
        for part in ("entities", "features")
        if part in body
    }
    return {**body, **values}
