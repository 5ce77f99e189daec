"""The protocol over HTTP, on ASGI: everything under `/v2`."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from gateway.errors import GatewayError
from gateway.fronts.asgi import Bodies, HeaderList, Receive, Scope, Send
from gateway.fronts.caller import Caller, Headers, milliseconds
from gateway.fronts.compression import ENCODINGS, inflated
from gateway.fronts.door import Door
from gateway.fronts.exchange import Exchange
from gateway.fronts.http_edge import HttpEdge, headers_of
from gateway.fronts.json_refusal import HttpRefusal, http_status, method_not_allowed, unsupported_media_type
from gateway.fronts.json_wire import encode
from gateway.fronts.open_inference.catalogue import Catalogue
from gateway.fronts.open_inference.http_messages import read, read_index, written
from gateway.fronts.open_inference.inferences import Inferences
from gateway.fronts.open_inference.paths import Route, route

_JSON, _BYTES = b"application/json", b"application/octet-stream"
_LENGTH = b"inference-header-content-length"
_NOT_TRUE = 400
"""The status of what is not live or not ready, as the protocol has it."""


class Reply(NamedTuple):
    """What is sent: `json_length` where raw bytes follow the JSON."""

    body: bytes
    status: int = 200
    json_length: int | None = None


class OpenInferenceOverAsgi(HttpEdge[Reply]):
    """Answers requests whose path begins with `/v2`."""

    def __init__(self, door: Door, exchange: Exchange, bodies: Bodies) -> None:
        super().__init__(exchange)
        self._bodies = bodies
        self._inferences = Inferences(exchange)
        self._catalogue = told = Catalogue(door, exchange.limits)
        self._told: dict[str, Callable[[Route], object]] = {
            "server": lambda at: told.server(),
            "models": lambda at: told.names(),
            "metadata": lambda at: told.model(at.model, at.version),
            "config": lambda at: told.config(at.model, at.version),
        }
        self._true: dict[str, Callable[[Route], dict[str, object]]] = {
            "live": lambda at: told.live(),
            "ready": lambda at: told.ready(),
            "model_ready": lambda at: told.model_ready(at.model, at.version),
        }

    async def _answer(self, scope: Scope, caller: Caller, headers: Headers, receive: Receive) -> Reply:
        at = route(scope["path"])
        if scope["method"] != at.method:
            raise method_not_allowed(at.method)
        limits = self._exchange.limits
        caller.read(headers, limits)
        if at.method == "GET":
            return await self._tell(at)
        body = await self._bodies.read(receive, headers, limits.max_body_bytes)
        caller.received = self._exchange.clock()
        if at.verb == "index":
            return Reply(encode(self._catalogue.index(read_index(body))))
        return await self._infer(at, body, headers, caller)

    async def _tell(self, at: Route) -> Reply:
        if at.verb == "stats":
            return Reply(encode(await self._catalogue.statistics(at.model, at.version)))
        if at.verb in self._true:
            said = self._true[at.verb](at)
            return Reply(encode(said), 200 if all(value is not False for value in said.values()) else _NOT_TRUE)
        return Reply(encode(self._told[at.verb](at)))

    async def _infer(self, at: Route, body: bytes, headers: Headers, caller: Caller) -> Reply:
        timeout = headers.get(b"sluice-timeout-ms")
        if timeout is not None:
            caller.allow(milliseconds(timeout))
        request = read(self._plain(body, headers), headers.get(_LENGTH))
        inference = self._inferences.open(request.head(at.model, at.version), caller)
        said, json_length = written(await inference.answer(request.tensors(), request.wanted()), request)
        return Reply(said, json_length=json_length)

    def _plain(self, body: bytes, headers: Headers) -> bytes:
        encoding = headers.get(b"content-encoding", b"identity").lower()
        if encoding == b"identity":
            return body
        if encoding not in ENCODINGS:
            raise unsupported_media_type("content-encoding must be gzip, deflate or identity")
        return inflated(body, self._exchange.limits.max_body_bytes)

    def _refuse(self, send: Send, caller: Caller, error: GatewayError | HttpRefusal) -> Awaitable[None]:
        """The protocol wants the message alone under `error`; our code stands beside it."""
        request_id = caller.request_id or self._exchange.new_id()
        said = encode({"error": str(error), "code": error.code, "request_id": request_id})
        return _sent(send, Reply(said, http_status(error)), request_id, headers_of(error))

    def _send(self, send: Send, caller: Caller, reply: Reply) -> Awaitable[None]:
        return _sent(send, reply, caller.request_id or self._exchange.new_id(), [])


async def _sent(send: Send, reply: Reply, request_id: str, extra: HeaderList) -> None:
    headers = [(b"content-length", b"%d" % len(reply.body)), *extra]
    headers.append((b"content-type", _JSON if reply.json_length is None else _BYTES))
    if reply.json_length is not None:
        headers.append((_LENGTH, b"%d" % reply.json_length))
    headers.append((b"x-request-id", request_id.encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
