"""The client for ordinary code; `aio.py` is its twin for asyncio."""

from __future__ import annotations  # grpc's classes take type arguments only in its stubs

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self, TypeVar

import grpc

from gateway.client import translation
from gateway.client.errors import from_grpc
from gateway.client.service_config import OPTIONS
from gateway.client.tls import Tls
from gateway.client.values import Deployment, Prediction, Predictions, Row, Scalar, Submitted
from protos.sluice.v1 import prediction_pb2 as pb
from protos.sluice.v1.prediction_pb2_grpc import PredictionsStub

Q = TypeVar("Q")
A = TypeVar("A")


class SluiceClient:
    """Calls a gateway over gRPC, on one connection; safe to share between threads. Close it, or use it in a `with`.

    `timeout` is how long you are ready to wait, in seconds. It travels along as the deadline, and the gateway works no
    longer than that; a deployment may have a shorter limit of its own. Without one, 1 second.
    """

    def __init__(self, address: str, channel: grpc.Channel | None = None, *, tls: Tls | None = None) -> None:
        """Connect to "host:port", on the first call, in clear text or over TLS.

        Give a channel of yours for anything else; it stays yours to close, and brings its own security.
        """
        if channel is not None and tls is not None:
            raise ValueError("give a channel or tls, not both: the channel brings its own security")
        self._owned = channel is None
        self._channel = channel or _connect(address, tls)
        self._stub = PredictionsStub(self._channel)

    def predict(
        self,
        deployment: str,
        entities: Mapping[str, Scalar],
        features: Mapping[str, Scalar] | None = None,
        *,
        timeout: float = 1.0,
        unit: str = "",
        priority: str = "",
        request_id: str = "",
        traceparent: str = "",
    ) -> Prediction:
        """Ask about one row: whom (`entities`, by id) and what is happening (`features`, the request's own).

        `describe` says what a deployment takes. `unit` is what traffic is split by, where the deployment wants it from
        you. `priority` is "critical", "default" or "sheddable". Without `request_id` the gateway makes one. Raises
        SluiceError; its `retryable` says whether to try again.
        """
        request = translation.predict_request(deployment, entities, features or {}, unit, request_id)
        metadata = translation.metadata(priority, traceparent)
        return translation.prediction(_call(self._stub.Predict, request, timeout, metadata))

    def predict_many(
        self,
        deployment: str,
        rows: Iterable[Row],
        *,
        timeout: float = 1.0,
        priority: str = "",
        request_id: str = "",
        traceparent: str = "",
    ) -> Predictions:
        """Ask about up to 256 rows at once. A bad row fails alone: look for `RowError` among the results."""
        request = translation.predict_many_request(deployment, rows, request_id)
        metadata = translation.metadata(priority, traceparent)
        return translation.predictions(_call(self._stub.PredictMany, request, timeout, metadata))

    def submit(
        self,
        deployment: str,
        entities: Mapping[str, Scalar],
        features: Mapping[str, Scalar] | None = None,
        *,
        useful_for: float = 0.0,
        timeout: float = 1.0,
        unit: str = "",
        request_id: str = "",
        traceparent: str = "",
    ) -> Submitted:
        """Queue a row, to be answered a little later; `fetch` brings the answer.

        `useful_for` is for how many seconds that is of use; 0 for as long as results are kept.
        """
        row = translation.predict_request(deployment, entities, features or {}, unit, request_id)
        request = translation.submit_request(row, useful_for)
        metadata = translation.metadata("", traceparent)
        return translation.submitted(_call(self._stub.Submit, request, timeout, metadata))

    def fetch(self, result_id: str, *, wait: float = 0.0, timeout: float = 1.0) -> Prediction | None:
        """Fetch the answer to a queued row; None if it is not there after `wait` seconds (10 at most).

        Raises the SluiceError that the row got instead of an answer; `ResultNotFound` for what is not kept.
        """
        request = translation.fetch_request(result_id, wait)
        return translation.fetched(_call(self._stub.Fetch, request, wait + timeout, ()))

    def describe(self, deployment: str, *, timeout: float = 1.0) -> Deployment:
        """Ask what a deployment takes, what it may decide, and who answers it now."""
        request = pb.DescribeDeploymentRequest(deployment=deployment)
        return translation.deployment(_call(self._stub.DescribeDeployment, request, timeout, ()))

    def close(self) -> None:
        if self._owned:
            self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _connect(address: str, tls: Tls | None) -> grpc.Channel:
    if tls is None:
        return grpc.insecure_channel(address, OPTIONS)
    return grpc.secure_channel(address, tls.credentials(), OPTIONS)


def _call(
    method: grpc.UnaryUnaryMultiCallable[Q, A], request: Q, timeout: float, metadata: tuple[tuple[str, str], ...]
) -> A:
    try:
        return method(request, timeout=timeout, metadata=metadata)
    except grpc.RpcError as exc:
        raise from_grpc(exc.code(), exc.details(), translation.trailers(exc.trailing_metadata())) from exc
