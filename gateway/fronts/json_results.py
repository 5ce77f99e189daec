"""Near real time in JSON: between the wire's structs and the messages that are queued and kept."""

from gateway.errors import InvalidRequest
from gateway.fronts.json_wire import (
    ErrorBody,
    FetchAnswer,
    PredictionBody,
    SubmitAnswer,
    SubmitBody,
    Value,
    encode,
)
from protos.sluice.v1 import prediction_pb2 as pb

_STATES = {
    pb.RESULT_STATE_PENDING: "pending",
    pb.RESULT_STATE_ANSWERED: "answered",
    pb.RESULT_STATE_FAILED: "failed",
}
_WAIT_DIGITS = 6


def submit_request(deployment: str, body: SubmitBody) -> pb.PredictRequest:
    """Return the request as it is queued."""
    return pb.PredictRequest(
        deployment=deployment,
        entities={name: _value(value) for name, value in body.entities.items()},
        features={name: _value(value) for name, value in body.features.items()},
        unit=body.unit,
        request_id=body.request_id,
    )


def submit_answer(request_id: str, result_id: str) -> bytes:
    return encode(SubmitAnswer(request_id, result_id))


def fetch_answer(kept: bytes) -> FetchAnswer:
    """Return what a kept `FetchResponse` says."""
    response = pb.FetchResponse.FromString(kept)
    return FetchAnswer(
        response.result_id,
        _STATES.get(response.state, "unknown"),
        response.request_id,
        _prediction(response.prediction) if response.HasField("prediction") else None,
        ErrorBody(response.error.code, response.error.message) if response.HasField("error") else None,
    )


def read_wait(text: str) -> int:
    """Read `wait_ms`. Raises `InvalidRequest`."""
    if not (text.isascii() and text.isdigit() and len(text) <= _WAIT_DIGITS):
        raise InvalidRequest("wait_ms must be a whole number of milliseconds, such as 500")
    return int(text)


def _value(value: Value) -> pb.Value:
    if isinstance(value, bool):  # before int: a bool is one
        return pb.Value(bool_value=value)
    if isinstance(value, int):
        return pb.Value(int64_value=value)
    return pb.Value(double_value=value) if isinstance(value, float) else pb.Value(string_value=value)


def _prediction(message: pb.Prediction) -> PredictionBody:
    return PredictionBody(
        dict(message.outputs),
        message.decision,
        message.arm,
        message.bundle_version,
        message.policy_version,
        message.degraded,
        tuple(message.degraded_reasons),
        {name: _status(status) for name, status in message.feature_statuses.items()},
        message.rescued,
        message.assigned_arm,
        message.replayed,
        message.precomputed_age_s if message.HasField("precomputed_age_s") else None,
    )


def _status(status: pb.FeatureStatus.ValueType) -> str:
    return pb.FeatureStatus.Name(status).removeprefix("FEATURE_STATUS_").lower()
