"""The one ASGI application: tells gRPC, JSON, `/v2` and pages apart, by content type and path, and hands each its own.

A plain ASGI callable, because a framework's routing costs more than a prediction (DESIGN §2); what is not hot is
FastAPI's. Make it in the process that serves: request ids are random by process.
"""

import time
from collections.abc import Awaitable, Callable

import grpc

from gateway.fronts.asgi import Bodies, Receive, Scope, Send
from gateway.fronts.caller import Headers
from gateway.fronts.desk import NO_DESK, Desk
from gateway.fronts.door import Door
from gateway.fronts.exchange import Exchange
from gateway.fronts.grpc_aio import grpc_server
from gateway.fronts.grpc_asgi import GrpcOverAsgi
from gateway.fronts.grpc_service import GrpcService
from gateway.fronts.json_asgi import PREFIX, JsonOverAsgi
from gateway.fronts.json_refusal import error_body, http_status, method_not_allowed, unsupported_media_type
from gateway.fronts.limits import FrontLimits
from gateway.fronts.open_inference.http_asgi import OpenInferenceOverAsgi
from gateway.fronts.open_inference.paths import is_ours
from gateway.fronts.pages import pages

_GRPC_TYPES = {b"application/grpc", b"application/grpc+proto"}


class FrontApplication:
    """Speaks gRPC (over HTTP/2), JSON and the Open Inference Protocol before one door.

    `close` ends open streams when the worker drains.
    """

    def __init__(
        self,
        door: Door,
        limits: FrontLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        desk: Desk = NO_DESK,
    ) -> None:
        self._exchange = Exchange(door, limits or FrontLimits(), clock)
        bodies = Bodies(self._exchange.limits)
        self._service = GrpcService(door, self._exchange, desk)
        self._grpc = GrpcOverAsgi(self._service, self._exchange, bodies)
        self._json = JsonOverAsgi(self._exchange, bodies, desk)
        self._open_inference = OpenInferenceOverAsgi(door, self._exchange, bodies)
        self._pages = pages(door, desk, self._exchange)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Hand the request on. No coroutine of its own: every one in between costs each call a microsecond."""
        if scope["type"] != "http":
            return self._pages(scope, receive, send)
        headers: Headers = dict(scope["headers"])
        content_type = headers.get(b"content-type", b"")
        path = scope["path"]
        if content_type in _GRPC_TYPES and scope["method"] == "POST" and scope["http_version"] == "2":
            return self._grpc(scope, headers, receive, send)
        if path.startswith(PREFIX) and ":" in path:
            return self._json(scope, headers, receive, send)
        if is_ours(path):
            return self._open_inference(scope, headers, receive, send)
        if content_type.startswith(b"application/grpc") or path in self._service.paths:
            return self._not_grpc(scope, send)
        return self._pages(scope, receive, send)

    def close(self) -> None:
        """End the streams (health Watch, reflection) that callers would hold open; calls in flight go on."""
        self._service.close()

    def grpc_server(self) -> grpc.aio.Server:
        """The conservative gRPC front before the same door, not yet bound."""
        return grpc_server(self._service, self._exchange)

    async def _not_grpc(self, scope: Scope, send: Send) -> None:
        """Answer what looks like gRPC and is not: the protocol wants HTTP's own status here."""
        if scope["method"] != "POST":
            error = method_not_allowed("POST")
        else:
            error = unsupported_media_type(
                "gRPC needs HTTP/2 and content-type application/grpc, or application/grpc+proto"
            )
        request_id = self._exchange.new_id()
        headers = [(b"content-type", b"application/json"), (b"x-request-id", request_id.encode()), *error.headers]
        await send({"type": "http.response.start", "status": http_status(error), "headers": headers})
        await send({"type": "http.response.body", "body": error_body(error, request_id)})
