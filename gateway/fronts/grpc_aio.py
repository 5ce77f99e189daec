"""The conservative gRPC front: the same methods, served by grpc.aio."""

from __future__ import annotations  # grpc's classes take type arguments only in its stubs

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import grpc

from gateway.errors import GatewayError, InternalError
from gateway.fronts.caller import Caller
from gateway.fronts.exchange import Exchange
from gateway.fronts.grpc_service import GrpcService, Stream, Unary
from gateway.fronts.grpc_wire import GrpcRefusal, shortened
from gateway.fronts.limits import FrontLimits
from gateway.fronts.retry_hint import pushback
from gateway.fronts.status import GRPC_STATUS, GrpcStatus

logger = logging.getLogger(__name__)

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"

_STATUS = {code.value[0]: code for code in grpc.StatusCode}


def grpc_server(service: GrpcService, exchange: Exchange) -> grpc.aio.Server:
    """Make the server; the caller binds and starts it."""
    server = grpc.aio.server(options=_options(exchange.limits))
    server.add_generic_rpc_handlers(_Methods(service, exchange).handlers())
    return server


def _options(limits: FrontLimits) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 1),  # workers share the port by binding it each
        ("grpc.max_receive_message_length", limits.max_body_bytes),
        ("grpc.max_metadata_size", limits.max_head_bytes),
        ("grpc.absolute_max_metadata_size", limits.max_head_bytes),
        ("grpc.max_concurrent_streams", limits.max_streams),
    ]


class _Methods:
    """The service's methods as grpc.aio wants them: bytes in, bytes out, no generated servicer."""

    def __init__(self, service: GrpcService, exchange: Exchange) -> None:
        self._exchange = exchange
        self._service = service

    def handlers(self) -> list[grpc.GenericRpcHandler[bytes, bytes]]:
        services: dict[str, dict[str, grpc.RpcMethodHandler[bytes, bytes]]] = {}
        for path, method in self._service.unary.items():
            _, service, name = path.split("/")
            handler = grpc.unary_unary_rpc_method_handler(self._unary(path, method))
            services.setdefault(service, {})[name] = handler
        for path, stream in self._service.streams.items():
            _, service, name = path.split("/")
            services.setdefault(service, {})[name] = grpc.stream_stream_rpc_method_handler(self._stream(stream))
        return [grpc.method_handlers_generic_handler(service, methods) for service, methods in services.items()]

    def _unary(self, path: str, method: Unary) -> Callable[[bytes, Context], Awaitable[bytes]]:
        async def answer(body: bytes, context: Context) -> bytes:
            caller = Caller(self._exchange.clock())
            try:
                message = await self._answer(method, body, caller, context)
            except (GatewayError, GrpcRefusal) as error:
                await self._refuse(context, caller, error)
            except Exception:
                logger.exception("defect in %s", path)
                await self._refuse(context, caller, InternalError())
            return message

        return answer

    async def _answer(self, method: Unary, body: bytes, caller: Caller, context: Context) -> bytes:
        caller.read(_headers(context), self._exchange.limits)
        remaining = context.time_remaining()
        if remaining is not None:
            caller.allow(remaining)
        message = await method(body, caller)
        if caller.request_id:
            await context.send_initial_metadata((("x-request-id", caller.request_id),))
        return message

    def _stream(self, stream: Stream) -> Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]:
        async def answer(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            try:
                async for message in stream(aiter(requests)):
                    yield message
            except (GatewayError, GrpcRefusal) as error:
                await self._refuse(context, Caller(0.0), error)

        return answer

    async def _refuse(self, context: Context, caller: Caller, error: GatewayError | GrpcRefusal) -> NoReturn:
        request_id = caller.request_id or self._exchange.new_id()
        trailers = [("x-request-id", request_id)]
        if isinstance(error, GrpcRefusal):
            status = error.status
        else:
            status = GRPC_STATUS.get(type(error), GrpcStatus.INTERNAL)
            trailers.append(("sluice-code", error.code))
            hint = pushback(error, caller.deadline - self._exchange.clock())
            if hint is not None:
                trailers.append(("grpc-retry-pushback-ms", hint))
        await context.abort(_STATUS[status], shortened(str(error)), tuple(trailers))


def _headers(context: Context) -> Mapping[bytes, bytes]:
    metadata: Any = context.invocation_metadata() or ()
    return {name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in metadata}
