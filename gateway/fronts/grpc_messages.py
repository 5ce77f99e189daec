"""Translates between `sluice.v1` messages and the gateway's own values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from gateway.call import Answer, Scalar
from gateway.description import Description, FieldDescription
from gateway.errors import GatewayError, InvalidRequest
from gateway.fronts.exchange import Outcome, RowInput
from gateway.fronts.timings import microseconds, slowest
from protos.sluice.v1 import prediction_pb2 as pb

M = TypeVar("M", bound=Message)


def parse(message_type: type[M], body: bytes) -> M:
    """Read a message; broken bytes are the caller's fault."""
    try:
        return message_type.FromString(body)
    except DecodeError as exc:
        raise InvalidRequest(f"the body is not a {message_type.DESCRIPTOR.full_name} message") from exc


def row_input(row: pb.PredictRequest | pb.Row) -> RowInput:
    return RowInput(_scalars("entity", row.entities), _scalars("feature", row.features), row.unit)


def row_inputs(rows: Iterable[pb.Row]) -> list[RowInput | InvalidRequest]:
    """Read many rows; what is wrong with one of them takes its place, and harms no other."""
    return [_row_or_error(row) for row in rows]


def _row_or_error(row: pb.Row) -> RowInput | InvalidRequest:
    try:
        return row_input(row)
    except InvalidRequest as exc:
        return exc


def predict_response(request_id: str, answer: Answer) -> bytes:
    response = pb.PredictResponse()
    response.request_id = request_id
    _write_prediction(answer, response.prediction)
    _write_timings(answer, response.timings)
    return response.SerializeToString()


def predict_many_response(request_id: str, outcomes: Sequence[Outcome]) -> bytes:
    response = pb.PredictManyResponse()
    response.request_id = request_id
    for outcome in outcomes:
        result = response.results.add()
        if isinstance(outcome, GatewayError):
            result.error.code = outcome.code
            result.error.message = str(outcome)
        else:
            _write_prediction(outcome, result.prediction)
    slow = slowest(outcomes)
    if slow is not None:
        _write_timings(slow, response.timings)
    return response.SerializeToString()


def describe_response(description: Description) -> bytes:
    return pb.DescribeDeploymentResponse(
        deployment=description.deployment,
        entities=[_field(field) for field in description.entities],
        features=[_field(field) for field in description.features],
        unit=description.unit,
        budget_ms=description.budget_ms,
        policy_version=description.policy_version,
        arms=[
            pb.ArmDescription(
                arm=arm.arm, bundle_version=arm.bundle_version, bundle_digest=arm.bundle_digest, share=arm.share
            )
            for arm in description.arms
        ],
        decisions=description.decisions,
    ).SerializeToString()


def _scalars(what: str, values: Mapping[str, pb.Value]) -> dict[str, Scalar]:
    scalars: dict[str, Scalar] = {}
    for name in values:  # quicker than items(), which goes through Python
        value = values[name]
        # One of them is set and the others read as nothing; asking which one is slower than reading all four.
        scalar = value.int64_value or value.double_value or value.bool_value or value.string_value
        scalars[name] = scalar or _empty(what, name, value)
    return scalars


def _empty(what: str, name: str, value: pb.Value) -> Scalar:
    """A value that is zero, false or the empty string, as its caller said it."""
    kind = value.WhichOneof("kind")
    if kind is None:
        raise InvalidRequest(f"{what} {name} has no value")
    scalar: Scalar = getattr(value, kind)
    return scalar


def _write_prediction(answer: Answer, into: pb.Prediction) -> None:
    # Field by field: three times as fast as building nested messages from keywords.
    outputs = into.outputs
    for name, value in answer.outputs.items():
        outputs[name] = value
    into.decision = answer.decision
    into.arm = answer.arm
    into.bundle_version = answer.bundle_version
    into.policy_version = answer.policy_version
    if answer.degraded_reasons:
        into.degraded = True
        into.degraded_reasons.extend(answer.degraded_reasons)
    statuses = into.feature_statuses
    for feature, status in answer.statuses.items():
        statuses[feature] = pb.FeatureStatus.ValueType(status)


def _write_timings(answer: Answer, into: pb.Timings) -> None:
    into.queue_us = microseconds(answer.queue_time)
    into.features_us = microseconds(answer.features_time)
    into.infer_us = microseconds(answer.infer_time)
    into.total_us = microseconds(answer.total_time)


def _field(field: FieldDescription) -> pb.Field:
    return pb.Field(
        name=field.name, type=field.type, required=field.required, minimum=field.minimum, maximum=field.maximum
    )
