"""grpc.health.v1: says over gRPC whether this worker wants calls, once (Check) or whenever it changes (Watch)."""

import asyncio
from collections.abc import AsyncIterator

from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from gateway.fronts.caller import Caller
from gateway.fronts.door import Door
from gateway.fronts.grpc_messages import parse
from gateway.fronts.grpc_wire import GrpcRefusal
from gateway.fronts.status import GrpcStatus

SERVICE = "grpc.health.v1.Health"

_KNOWN = {"", "sluice.v1.Predictions"}
_SERVING = HealthCheckResponse.SERVING
_NOT_SERVING = HealthCheckResponse.NOT_SERVING
_UNKNOWN = HealthCheckResponse.SERVICE_UNKNOWN


class Health:
    """Follows `Door.ready`.

    Readiness is asked for, not announced, so a Watch looks again every `every` seconds.
    """

    def __init__(self, door: Door, closing: asyncio.Event, every: float = 0.25) -> None:
        self._door = door
        self._closing = closing
        self._every = every

    async def check(self, body: bytes, caller: Caller) -> bytes:
        service = parse(HealthCheckRequest, body).service
        if service not in _KNOWN:
            raise GrpcRefusal(GrpcStatus.NOT_FOUND, f"no service {service} here")
        return _said(self._status(service))

    async def watch(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        service = parse(HealthCheckRequest, await anext(requests, b"")).service
        said = None
        while True:
            status = self._status(service)
            if status != said:
                yield _said(status)
                said = status
            if self._closing.is_set():
                raise GrpcRefusal(GrpcStatus.UNAVAILABLE, "the server is draining")
            await self._pause()

    def _status(self, service: str) -> HealthCheckResponse.ServingStatus.ValueType:
        if service not in _KNOWN:
            return _UNKNOWN
        return _SERVING if self._door.ready() and not self._closing.is_set() else _NOT_SERVING

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), self._every)
        except TimeoutError:
            return


def _said(status: HealthCheckResponse.ServingStatus.ValueType) -> bytes:
    message: bytes = HealthCheckResponse(status=status).SerializeToString()
    return message
