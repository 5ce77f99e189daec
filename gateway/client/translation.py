"""Turns arguments into messages and messages into values: the half that the sync and the async client share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.client.errors import of_code, retryable
from gateway.client.values import (
    Arm,
    Deployment,
    Field,
    Prediction,
    Predictions,
    Row,
    RowError,
    Scalar,
    Submitted,
    Timings,
)
from protos.sluice.v1 import prediction_pb2 as pb

_INT64 = range(-(2**63), 2**63)


def predict_request(
    deployment: str, entities: Mapping[str, Scalar], features: Mapping[str, Scalar], unit: str, request_id: str
) -> pb.PredictRequest:
    return pb.PredictRequest(
        deployment=deployment,
        entities=_values(entities),
        features=_values(features),
        unit=unit,
        request_id=request_id,
    )


def predict_many_request(deployment: str, rows: Iterable[Row], request_id: str) -> pb.PredictManyRequest:
    return pb.PredictManyRequest(
        deployment=deployment,
        rows=[pb.Row(entities=_values(row.entities), features=_values(row.features), unit=row.unit) for row in rows],
        request_id=request_id,
    )


def metadata(priority: str, traceparent: str) -> tuple[tuple[str, str], ...]:
    given = (("sluice-priority", priority), ("traceparent", traceparent))
    return tuple((name, value) for name, value in given if value)


def trailers(metadata: Any) -> dict[str, str]:
    """Trailing metadata as a dict; its type is another one in each of grpc's halves."""
    return {name: value for name, value in metadata or () if isinstance(value, str)}


def prediction(response: pb.PredictResponse) -> Prediction:
    return _prediction(response.prediction, response.request_id, _timings(response.timings))


def predictions(response: pb.PredictManyResponse) -> Predictions:
    return Predictions(
        request_id=response.request_id,
        results=tuple(_result(result, response.request_id) for result in response.results),
        timings=_timings(response.timings) if response.HasField("timings") else None,
    )


def submit_request(request: pb.PredictRequest, useful_for: float) -> pb.SubmitRequest:
    return pb.SubmitRequest(request=request, useful_for_ms=round(useful_for * 1000))


def submitted(response: pb.SubmitResponse) -> Submitted:
    return Submitted(response.request_id, response.result_id)


def fetch_request(result_id: str, wait: float) -> pb.FetchRequest:
    return pb.FetchRequest(result_id=result_id, wait_ms=round(wait * 1000))


def fetched(response: pb.FetchResponse) -> Prediction | None:
    """The prediction, None while it is not there. Raises the row's error."""
    if response.HasField("error"):
        raise of_code(response.error.code)(response.error.message, response.request_id, response.error.code)
    if not response.HasField("prediction"):
        return None
    return _prediction(response.prediction, response.request_id, None)


def deployment(response: pb.DescribeDeploymentResponse) -> Deployment:
    return Deployment(
        deployment=response.deployment,
        entities=_fields(response.entities),
        features=_fields(response.features),
        unit=response.unit,
        budget_ms=response.budget_ms,
        policy_version=response.policy_version,
        arms=tuple(Arm(arm.arm, arm.bundle_version, arm.bundle_digest, arm.share) for arm in response.arms),
        decisions=tuple(response.decisions),
    )


def _values(scalars: Mapping[str, Scalar]) -> dict[str, pb.Value]:
    return {name: _value(scalar) for name, scalar in scalars.items()}


def _value(scalar: Scalar) -> pb.Value:
    if isinstance(scalar, bool):  # before int: a bool is one
        return pb.Value(bool_value=scalar)
    if isinstance(scalar, int):
        return pb.Value(int64_value=scalar) if scalar in _INT64 else pb.Value(string_value=str(scalar))
    if isinstance(scalar, float):
        return pb.Value(double_value=scalar)
    if isinstance(scalar, str):
        return pb.Value(string_value=scalar)
    raise TypeError(f"an entity or feature is an int, float, str or bool, not {type(scalar).__name__}")


def _result(result: pb.RowResult, request_id: str) -> Prediction | RowError:
    if result.HasField("error"):
        return RowError(result.error.code, result.error.message, retryable(result.error.code))
    return _prediction(result.prediction, request_id, None)


def _prediction(message: pb.Prediction, request_id: str, timings: Timings | None) -> Prediction:
    return Prediction(
        outputs=dict(message.outputs),
        decision=message.decision,
        arm=message.arm,
        bundle_version=message.bundle_version,
        policy_version=message.policy_version,
        degraded=message.degraded,
        degraded_reasons=tuple(message.degraded_reasons),
        feature_statuses={name: _status(status) for name, status in message.feature_statuses.items()},
        request_id=request_id,
        timings=timings,
        rescued=message.rescued,
        assigned_arm=message.assigned_arm,
        replayed=message.replayed,
        precomputed_age_s=message.precomputed_age_s if message.HasField("precomputed_age_s") else None,
    )


def _status(status: pb.FeatureStatus.ValueType) -> str:
    # A newer gateway may know a status that this client does not.
    if status not in pb.FeatureStatus.values():
        return f"status {status}"
    return pb.FeatureStatus.Name(status).removeprefix("FEATURE_STATUS_").lower()


def _timings(message: pb.Timings) -> Timings:
    return Timings(message.queue_us, message.features_us, message.infer_us, message.total_us)


def _fields(fields: Sequence[pb.Field]) -> tuple[Field, ...]:
    return tuple(
        Field(
            field.name,
            field.type,
            field.required,
            field.minimum if field.HasField("minimum") else None,
            field.maximum if field.HasField("maximum") else None,
        )
        for field in fields
    )
