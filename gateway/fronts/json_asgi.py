"""The JSON front over ASGI: `POST /v1/deployments/{deployment}:predict` and `:predictMany`."""

from collections.abc import Awaitable, Callable

from gateway.errors import GatewayError, InvalidRequest
from gateway.fronts.asgi import Bodies, HeaderList, Receive, Scope, Send
from gateway.fronts.caller import Caller, Headers, milliseconds
from gateway.fronts.desk import NO_DESK, Desk
from gateway.fronts.exchange import Exchange, answered
from gateway.fronts.http_edge import HttpEdge, headers_of
from gateway.fronts.json_messages import predict_answer, predict_many_answer, row_input
from gateway.fronts.json_refusal import (
    HttpRefusal,
    error_body,
    http_status,
    method_not_allowed,
    not_found,
    unsupported_media_type,
)
from gateway.fronts.json_results import submit_answer, submit_request
from gateway.fronts.json_wire import read_predict, read_predict_many, read_submit
from gateway.fronts.later import Later

PREFIX = "/v1/deployments/"

_JSON = b"application/json"
_NO_HEADERS: HeaderList = []


class JsonOverAsgi(HttpEdge[bytes]):
    """Answers predictions, one or many, and queues them."""

    def __init__(self, exchange: Exchange, bodies: Bodies, desk: Desk = NO_DESK) -> None:
        super().__init__(exchange)
        self._bodies = bodies
        self._later = Later(desk, exchange)
        self._verbs: dict[str, Callable[[str, bytes, Caller], Awaitable[bytes]]] = {
            "predict": self._predict,
            "predictMany": self._predict_many,
            "submit": self._submit,
        }

    async def _answer(self, scope: Scope, caller: Caller, headers: Headers, receive: Receive) -> bytes:
        deployment, _, verb = scope["path"][len(PREFIX) :].rpartition(":")
        handler = self._verbs.get(verb)
        if handler is None or not deployment or "/" in deployment:
            raise not_found(scope["path"])
        if scope["method"] != "POST":
            raise method_not_allowed("POST")
        if headers.get(b"content-type") != _JSON or b"content-encoding" in headers:
            _check_content(headers)
        limits = self._exchange.limits
        caller.read(headers, limits)
        body = await self._bodies.read(receive, headers, limits.max_body_bytes)
        caller.received = self._exchange.clock()
        timeout = headers.get(b"sluice-timeout-ms")
        if timeout is not None:
            caller.allow(milliseconds(timeout))
        return await handler(deployment, body, caller)

    async def _predict(self, deployment: str, body: bytes, caller: Caller) -> bytes:
        request = read_predict(body)
        self._exchange.knock(caller, deployment, request.request_id)
        outcome = await self._exchange.ask(caller, deployment, row_input(request), request.request_id)
        return predict_answer(caller.request_id, answered(outcome))

    async def _predict_many(self, deployment: str, body: bytes, caller: Caller) -> bytes:
        self._exchange.knock(caller, deployment, "")  # before the rows are read, the request's own id among them
        bodies, request_id = read_predict_many(body)
        rows = [row if isinstance(row, InvalidRequest) else row_input(row) for row in bodies]
        outcomes = await self._exchange.predict_many(caller, deployment, rows, request_id)
        return predict_many_answer(caller.request_id, outcomes)

    async def _submit(self, deployment: str, body: bytes, caller: Caller) -> bytes:
        request = read_submit(body)
        row, useful_for_ms = submit_request(deployment, request), round(request.useful_for_ms)
        result_id = await self._later.submit(caller, row, useful_for_ms)
        return submit_answer(caller.request_id, result_id)

    def _send(self, send: Send, caller: Caller, reply: bytes) -> Awaitable[None]:
        return _sent(send, 200, reply, caller.request_id, _NO_HEADERS)

    def _refuse(self, send: Send, caller: Caller, error: GatewayError | HttpRefusal) -> Awaitable[None]:
        request_id = caller.request_id or self._exchange.new_id()
        return _sent(send, http_status(error), error_body(error, request_id), request_id, headers_of(error))


def _check_content(headers: Headers) -> None:
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != _JSON:
        raise unsupported_media_type("send content-type: application/json")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise unsupported_media_type("send the body as it is, without content-encoding")


async def _sent(send: Send, status: int, body: bytes, request_id: str, extra: HeaderList) -> None:
    headers = [
        (b"content-type", _JSON),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
