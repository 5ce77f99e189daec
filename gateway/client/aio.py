"""The client for asyncio; `sync.py` is its twin for ordinary code, and says more."""

from __future__ import annotations  # grpc's classes take type arguments only in its stubs

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import grpc

from gateway.client import translation
from gateway.client.errors import from_grpc
from gateway.client.service_config import OPTIONS
from gateway.client.tls import Tls
from gateway.client.values import Deployment, Prediction, Predictions, Row, Scalar, Submitted
from protos.sluice.v1 import prediction_pb2 as pb
from protos.sluice.v1.prediction_pb2_grpc import PredictionsStub

if TYPE_CHECKING:
    from protos.sluice.v1.prediction_pb2_grpc import PredictionsAsyncStub  # stands in the stub file only

Q = TypeVar("Q")
A = TypeVar("A")


class AsyncSluiceClient:
    """`SluiceClient` with `await`: one connection, any number of calls at once. Use it in an `async with`."""

    def __init__(self, address: str, channel: grpc.aio.Channel | None = None, *, tls: Tls | None = None) -> None:
        """Connect to "host:port", on the first call, in clear text or over TLS.

        Give a channel of yours for anything else; it stays yours to close, and brings its own security.
        """
        if channel is not None and tls is not None:
            raise ValueError("give a channel or tls, not both: the channel brings its own security")
        self._owned = channel is None
        self._channel = channel or _connect(address, tls)
        self._stub: PredictionsAsyncStub = PredictionsStub(self._channel)

    async def predict(
        self,
        deployment: str,
        entities: Mapping[str, Scalar],
        features: Mapping[str, Scalar] | None = None,
        *,
        timeout: float = 1.0,  # noqa: ASYNC109 - it travels to the gateway as the deadline
        unit: str = "",
        priority: str = "",
        request_id: str = "",
        traceparent: str = "",
    ) -> Prediction:
        """Ask about one row; see `SluiceClient.predict`."""
        request = translation.predict_request(deployment, entities, features or {}, unit, request_id)
        metadata = translation.metadata(priority, traceparent)
        return translation.prediction(await _call(self._stub.Predict, request, timeout, metadata))

    async def predict_many(
        self,
        deployment: str,
        rows: Iterable[Row],
        *,
        timeout: float = 1.0,  # noqa: ASYNC109 - as above
        priority: str = "",
        request_id: str = "",
        traceparent: str = "",
    ) -> Predictions:
        """Ask about up to 256 rows at once; see `SluiceClient.predict_many`."""
        request = translation.predict_many_request(deployment, rows, request_id)
        metadata = translation.metadata(priority, traceparent)
        return translation.predictions(await _call(self._stub.PredictMany, request, timeout, metadata))

    async def submit(
        self,
        deployment: str,
        entities: Mapping[str, Scalar],
        features: Mapping[str, Scalar] | None = None,
        *,
        useful_for: float = 0.0,
        timeout: float = 1.0,  # noqa: ASYNC109 - as above
        unit: str = "",
        request_id: str = "",
        traceparent: str = "",
    ) -> Submitted:
        """Queue a row, to be answered a little later; see `SluiceClient.submit`."""
        row = translation.predict_request(deployment, entities, features or {}, unit, request_id)
        request = translation.submit_request(row, useful_for)
        metadata = translation.metadata("", traceparent)
        return translation.submitted(await _call(self._stub.Submit, request, timeout, metadata))

    async def fetch(
        self,
        result_id: str,
        *,
        wait: float = 0.0,
        timeout: float = 1.0,  # noqa: ASYNC109 - as above
    ) -> Prediction | None:
        """Fetch the answer to a queued row; see `SluiceClient.fetch`."""
        request = translation.fetch_request(result_id, wait)
        return translation.fetched(await _call(self._stub.Fetch, request, wait + timeout, ()))

    async def describe(self, deployment: str, *, timeout: float = 1.0) -> Deployment:  # noqa: ASYNC109 - as above
        """Ask what a deployment takes, what it may decide, and who answers it now."""
        request = pb.DescribeDeploymentRequest(deployment=deployment)
        return translation.deployment(await _call(self._stub.DescribeDeployment, request, timeout, ()))

    async def close(self) -> None:
        if self._owned:
            await self._channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _connect(address: str, tls: Tls | None) -> grpc.aio.Channel:
    if tls is None:
        return grpc.aio.insecure_channel(address, OPTIONS)
    return grpc.aio.secure_channel(address, tls.credentials(), OPTIONS)


async def _call(
    method: grpc.aio.UnaryUnaryMultiCallable[Q, A],
    request: Q,
    timeout: float,  # noqa: ASYNC109 - as above
    metadata: tuple[tuple[str, str], ...],
) -> A:
    try:
        return await method(request, timeout=timeout, metadata=metadata)
    except grpc.aio.AioRpcError as exc:
        raise from_grpc(exc.code(), exc.details(), translation.trailers(exc.trailing_metadata())) from exc
