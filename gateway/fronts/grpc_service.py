"""Every gRPC method that a worker answers, as functions from bytes to bytes; both gRPC fronts serve this one table."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping

from gateway.fronts import reflection
from gateway.fronts.caller import Caller
from gateway.fronts.desk import NO_DESK, Desk
from gateway.fronts.door import Door
from gateway.fronts.exchange import Exchange, answered
from gateway.fronts.grpc_messages import (
    describe_response,
    parse,
    predict_many_response,
    predict_response,
    row_input,
    row_inputs,
)
from gateway.fronts.grpc_wire import GrpcRefusal
from gateway.fronts.health import Health
from gateway.fronts.later import Later
from gateway.fronts.open_inference.grpc_methods import OpenInferenceMethods
from gateway.fronts.open_inference.messages import Messages
from gateway.fronts.status import GrpcStatus
from protos.sluice.v1 import prediction_pb2 as pb

Unary = Callable[[bytes, Caller], Awaitable[bytes]]
Stream = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]


class GrpcService:
    """`unary` and `streams` hold the methods by path. They raise GatewayError or GrpcRefusal.

    `close` ends the streams; call it when the worker begins to drain.
    """

    def __init__(self, door: Door, exchange: Exchange, desk: Desk = NO_DESK) -> None:
        self._exchange = exchange
        self._later = Later(desk, exchange)
        self._closing = asyncio.Event()
        self._open_streams = 0
        health = Health(door, self._closing)
        messages = Messages()
        info = reflection.Reflection(self._closing, messages).info
        open_inference = OpenInferenceMethods(door, exchange, messages)
        self.unary: Mapping[str, Unary] = {
            f"/{reflection.PREDICTIONS}/Predict": self._predict,
            f"/{reflection.PREDICTIONS}/PredictMany": self._predict_many,
            f"/{reflection.PREDICTIONS}/DescribeDeployment": self._describe,
            f"/{reflection.PREDICTIONS}/Submit": self._submit,
            f"/{reflection.PREDICTIONS}/Fetch": self._fetch,
            f"/{reflection.HEALTH}/Check": health.check,
            **open_inference.unary,
        }
        self.streams: Mapping[str, Stream] = {
            f"/{reflection.HEALTH}/Watch": self._bounded(health.watch),
            f"/{reflection.V1}/ServerReflectionInfo": self._bounded(info),
            f"/{reflection.V1ALPHA}/ServerReflectionInfo": self._bounded(info),
            **open_inference.streams,
        }

        self.paths = frozenset((*self.unary, *self.streams))

    def close(self) -> None:
        self._closing.set()

    def _bounded(self, stream: Stream) -> Stream:
        """Keep no more streams open than may be. Who is told UNIMPLEMENTED watches no longer, and takes the server to
        be healthy (grpc/proposal A17): health's own word for "ask by Check instead".
        """

        async def bounded(requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
            if self._open_streams >= self._exchange.limits.max_open_streams:
                if isinstance(requests, AsyncGenerator):
                    await requests.aclose()
                raise GrpcRefusal(GrpcStatus.UNIMPLEMENTED, "too many streams are open here: ask by Health.Check")
            self._open_streams += 1
            try:
                async for message in stream(requests):
                    yield message
            finally:
                self._open_streams -= 1

        return bounded

    async def _predict(self, body: bytes, caller: Caller) -> bytes:
        request = parse(pb.PredictRequest, body)
        self._exchange.knock(caller, request.deployment, request.request_id)
        outcome = await self._exchange.ask(caller, request.deployment, row_input(request), request.request_id)
        return predict_response(caller.request_id, answered(outcome))

    async def _predict_many(self, body: bytes, caller: Caller) -> bytes:
        request = parse(pb.PredictManyRequest, body)
        self._exchange.knock(caller, request.deployment, request.request_id)
        rows = row_inputs(request.rows)
        outcomes = await self._exchange.predict_many(caller, request.deployment, rows, request.request_id)
        return predict_many_response(caller.request_id, outcomes)

    async def _submit(self, body: bytes, caller: Caller) -> bytes:
        request = parse(pb.SubmitRequest, body)
        result_id = await self._later.submit(caller, request.request, request.useful_for_ms)
        return pb.SubmitResponse(request_id=caller.request_id, result_id=result_id).SerializeToString()

    async def _fetch(self, body: bytes, caller: Caller) -> bytes:
        request = parse(pb.FetchRequest, body)
        return await self._later.fetch(caller, request.result_id, request.wait_ms)

    async def _describe(self, body: bytes, caller: Caller) -> bytes:
        return describe_response(self._exchange.describe(parse(pb.DescribeDeploymentRequest, body).deployment))
