"""The gRPC front over ASGI: reads the request, calls the method, answers with trailers."""

import logging
from collections.abc import AsyncIterator

from gateway.errors import GatewayError, InternalError
from gateway.fronts.asgi import Bodies, CallerLeft, HeaderList, Receive, Scope, Send
from gateway.fronts.caller import Caller, Headers
from gateway.fronts.exchange import Exchange
from gateway.fronts.grpc_service import GrpcService, Stream, Unary
from gateway.fronts.grpc_wire import (
    PREFIX_BYTES,
    FrameReader,
    GrpcRefusal,
    frame,
    is_framed,
    message_of,
    status_headers,
    timeout_seconds,
)
from gateway.fronts.status import GrpcStatus

logger = logging.getLogger(__name__)

_CONTENT_TYPE = (b"content-type", b"application/grpc")
_ENCODINGS = (b"grpc-accept-encoding", b"identity,deflate,gzip")
_OK: HeaderList = [(b"grpc-status", b"0")]


class GrpcOverAsgi:
    def __init__(self, service: GrpcService, exchange: Exchange, bodies: Bodies) -> None:
        self._service = service
        self._exchange = exchange
        self._bodies = bodies

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer one call; this is the front's edge, where nothing passes but the caller's own leaving."""
        caller = Caller(self._exchange.clock())
        path = scope["path"]
        stream = self._service.streams.get(path)
        try:
            if stream is not None:
                await self._answer_stream(stream, receive, send)
            else:
                await self._answer(self._unary(path), caller, headers, receive, send)
        except (CallerLeft, OSError):  # ASGI servers raise OSError when they send to a caller who left
            return
        except (GatewayError, GrpcRefusal) as error:
            await self._refuse(send, caller, error)
        except Exception:
            logger.exception("defect in %s", path)
            if stream is not None:
                raise  # the answer has begun: only the server can still break it off
            await self._refuse(send, caller, InternalError())

    def _unary(self, path: str) -> Unary:
        unary = self._service.unary.get(path)
        if unary is None:
            raise GrpcRefusal(GrpcStatus.UNIMPLEMENTED, f"no method {path} here")
        return unary

    async def _answer(self, unary: Unary, caller: Caller, headers: Headers, receive: Receive, send: Send) -> None:
        limits = self._exchange.limits
        caller.read(headers, limits)
        body = await self._bodies.read(receive, headers, limits.max_body_bytes + PREFIX_BYTES, is_framed)
        caller.received = self._exchange.clock()
        timeout = headers.get(b"grpc-timeout")
        if timeout is not None:
            caller.allow(timeout_seconds(timeout))
        message = await unary(message_of(body, headers.get(b"grpc-encoding"), limits.max_body_bytes), caller)
        start = [_CONTENT_TYPE, (b"x-request-id", caller.request_id.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": start, "trailers": True})
        await send({"type": "http.response.body", "body": frame(message)})
        await send({"type": "http.response.trailers", "headers": _OK})

    async def _answer_stream(self, stream: Stream, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [_CONTENT_TYPE], "trailers": True})
        ending = _OK
        try:
            async for message in stream(self._messages(receive)):
                await send({"type": "http.response.body", "body": frame(message), "more_body": True})
        except (GatewayError, GrpcRefusal) as error:
            ending = status_headers(error)
        await send({"type": "http.response.body", "body": b""})
        await send({"type": "http.response.trailers", "headers": ending})

    async def _messages(self, receive: Receive) -> AsyncIterator[bytes]:
        reader = FrameReader(self._exchange.limits.max_body_bytes)
        more = True
        while more:
            event = await receive()
            if event["type"] != "http.request":
                return
            for message in reader.feed(event.get("body", b"")):
                yield message
            more = event.get("more_body", False)

    async def _refuse(self, send: Send, caller: Caller, error: GatewayError | GrpcRefusal) -> None:
        """Answer with a status and no message: gRPC's Trailers-Only, one frame of headers."""
        request_id = caller.request_id or self._exchange.new_id()
        left = caller.deadline - self._exchange.clock()
        headers = [_CONTENT_TYPE, _ENCODINGS, (b"x-request-id", request_id.encode()), *status_headers(error, left)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
