"""The gRPC front of the control process: `sluice.v1.Rollouts` by grpc.aio, with health and reflection."""

from __future__ import annotations  # grpc's classes take type arguments only in its stubs

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio  # type: ignore[attr-defined]  # its stubs do not know it
from grpc_reflection.v1alpha import reflection

from gateway.control.refusals import CODES, DEFECT, nearest
from gateway.fronts.grpc_wire import shortened
from protos.sluice.v1.rollouts_pb2 import SignedOrder
from routing.control.desk import MOST_BYTES, SERVICE, Desk, methods
from routing.control.errors import ControlError

log = logging.getLogger("sluice.control")

MOST_CALLS = 256
"""Calls in hand at once, watches among them."""
STATUS: Mapping[type[ControlError], grpc.StatusCode] = {kind: grpc.StatusCode[code] for kind, code in CODES.items()}
_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


async def grpc_server(desk: Desk) -> grpc.aio.Server:
    """Make the server; the caller binds and starts it, in the loop in which it was made."""
    options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MOST_BYTES)]
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=MOST_CALLS)
    server.add_generic_rpc_handlers([_handlers(desk)])
    health = aio.HealthServicer()
    await health.set(SERVICE.full_name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    reflection.enable_server_reflection((SERVICE.full_name, _HEALTH, reflection.SERVICE_NAME), server)
    return server


def status_of(error: ControlError) -> grpc.StatusCode:
    """Return the status of an error, or of the nearest kind that has one."""
    return nearest(STATUS, error)


def _handlers(desk: Desk) -> grpc.GenericRpcHandler[Any, Any]:
    found: dict[str, Any] = {}
    for method in methods():
        codec = (SignedOrder.FromString, GetMessageClass(method.answer).SerializeToString)
        if method.streams:
            found[method.name] = grpc.unary_stream_rpc_method_handler(_stream(desk, method.deed), *codec)
        else:
            found[method.name] = grpc.unary_unary_rpc_method_handler(_unary(desk, method.deed), *codec)
    return grpc.method_handlers_generic_handler(SERVICE.full_name, found)


def _unary(desk: Desk, deed: str) -> Callable[[SignedOrder, Context], Awaitable[Message]]:
    async def answer(order: SignedOrder, context: Context) -> Message:
        try:
            return await desk.answer(deed, order)
        except ControlError as error:
            await _refuse(context, error)
        except Exception:  # the front's edge: a defect costs this call, and is logged
            await _own_up(context, deed)

    return answer


def _stream(desk: Desk, deed: str) -> Callable[[SignedOrder, Context], AsyncIterator[Message]]:
    async def answer(order: SignedOrder, context: Context) -> AsyncIterator[Message]:
        try:
            async for message in desk.stream(deed, order):
                yield message
        except ControlError as error:
            await _refuse(context, error)
        except Exception:  # the front's edge: a defect costs this call, and is logged
            await _own_up(context, deed)

    return answer


async def _refuse(context: Context, error: ControlError) -> NoReturn:
    await context.abort(status_of(error), shortened(str(error)))


async def _own_up(context: Context, deed: str) -> NoReturn:
    log.exception("defect in %s", deed)
    await context.abort(grpc.StatusCode.INTERNAL, DEFECT)
