"""Translates between `sluice.v1` messages and the gateway's own values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from gateway.call import Answer, Scalar
from gateway.description import Description, FieldDescription
from gateway.errors import GatewayError, InvalidRequest
from gateway.fronts.exchange import Outcome, RowInput
from gateway.fronts.grpc_prediction import delimited, prediction, tag, timings
from gateway.fronts.timings import slowest
from protos.sluice.v1 import prediction_pb2 as pb

M = TypeVar("M", bound=Message)

_REQUEST_ID = tag(pb.PredictResponse, "request_id")
_PREDICTION = tag(pb.PredictResponse, "prediction")
_TIMINGS = tag(pb.PredictResponse, "timings")
_MANY_REQUEST_ID = tag(pb.PredictManyResponse, "request_id")
_RESULTS = tag(pb.PredictManyResponse, "results")
_MANY_TIMINGS = tag(pb.PredictManyResponse, "timings")
_ROW_PREDICTION = tag(pb.RowResult, "prediction")
_ROW_ERROR = tag(pb.RowResult, "error")


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
    return b"".join(
        (
            delimited(_REQUEST_ID, request_id.encode()),
            delimited(_PREDICTION, prediction(answer)),
            delimited(_TIMINGS, timings(answer)),
        )
    )


def predict_many_response(request_id: str, outcomes: Sequence[Outcome]) -> bytes:
    parts = [delimited(_MANY_REQUEST_ID, request_id.encode())]
    for outcome in outcomes:
        if isinstance(outcome, GatewayError):
            error = pb.Error(code=outcome.code, message=str(outcome))
            result = delimited(_ROW_ERROR, error.SerializeToString())
        else:
            result = delimited(_ROW_PREDICTION, prediction(outcome))
        parts.append(delimited(_RESULTS, result))
    slow = slowest(outcomes)
    if slow is not None:
        parts.append(delimited(_MANY_TIMINGS, timings(slow)))
    return b"".join(parts)


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
        outputs=description.outputs,
        model_input=pb.ModelInput(name=description.model_input.name, width=description.model_input.width),
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


def _field(field: FieldDescription) -> pb.Field:
    return pb.Field(
        name=field.name, type=field.type, required=field.required, minimum=field.minimum, maximum=field.maximum
    )
