"""The JSON wire: what a body may hold and what an answer looks like, as msgspec structs checked in C.

The shapes are those of `sluice.v1`, field by field. Unknown fields are refused, numbers are finite because JSON has no
others, and integers that a caller's language cannot hold may come as strings of digits.
"""

from typing import Annotated, Any, TypeVar

import msgspec

from gateway.errors import InvalidRequest

T = TypeVar("T")

# The integers of the protobuf contract: 64 bits, signed.
Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Value = Integer | float | str | bool
# Nothing waits longer than a week. A float, because to JSON 500.0 is a whole number, too.
Milliseconds = Annotated[float, msgspec.Meta(ge=0.0, le=7 * 86_400_000.0)]


class PredictBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One row to predict."""

    entities: dict[str, Value] = {}
    features: dict[str, Value] = {}
    unit: str = ""
    request_id: str = ""


class RowBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One of many rows."""

    entities: dict[str, Value] = {}
    features: dict[str, Value] = {}
    unit: str = ""


class PredictManyBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Many rows of one deployment."""

    rows: list[RowBody]
    request_id: str = ""


class _ManyBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A `PredictManyBody` whose rows are not read yet, so that a bad one fails alone."""

    rows: list[msgspec.Raw]
    request_id: str = ""


class SubmitBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One row to predict later."""

    entities: dict[str, Value] = {}
    features: dict[str, Value] = {}
    unit: str = ""
    request_id: str = ""
    useful_for_ms: Milliseconds = 0


class PredictionBody(msgspec.Struct, gc=False):
    """What was predicted, by whom, and what stood in for what was missing."""

    outputs: dict[str, float]
    decision: str
    arm: str
    bundle_version: str
    policy_version: str
    degraded: bool
    degraded_reasons: tuple[str, ...]
    feature_statuses: dict[str, str]
    rescued: bool
    assigned_arm: str
    replayed: bool
    precomputed_age_s: float | None


class TimingsBody(msgspec.Struct, gc=False):
    """Microseconds, by stage."""

    queue_us: int
    features_us: int
    infer_us: int
    total_us: int


class PredictAnswer(msgspec.Struct, gc=False):
    """The answer to one row."""

    request_id: str
    prediction: PredictionBody
    timings: TimingsBody


class ErrorBody(msgspec.Struct, gc=False):
    """Sluice's own code and what to do."""

    code: str
    message: str


class RowAnswer(msgspec.Struct, omit_defaults=True, gc=False):
    """Either a prediction or an error."""

    prediction: PredictionBody | None = None
    error: ErrorBody | None = None


class PredictManyAnswer(msgspec.Struct, omit_defaults=True, gc=False):
    """One result a row, in the order of the rows; the times are the slowest row's, stage by stage."""

    request_id: str
    results: list[RowAnswer]
    timings: TimingsBody | None = None


class SubmitAnswer(msgspec.Struct, gc=False):
    """What the result is fetched by."""

    request_id: str
    result_id: str


class FetchAnswer(msgspec.Struct, omit_defaults=True, gc=False):
    """What became of a submitted row: `state` is pending, answered or failed."""

    result_id: str
    state: str
    request_id: str = ""
    prediction: PredictionBody | None = None
    error: ErrorBody | None = None


class ErrorAnswer(msgspec.Struct, gc=False):
    """The body of every answer that is not 200."""

    error: ErrorBody
    request_id: str


encode = msgspec.json.Encoder().encode
_predict = msgspec.json.Decoder(PredictBody)
_predict_many = msgspec.json.Decoder(_ManyBody)
_row = msgspec.json.Decoder(RowBody)
_submit = msgspec.json.Decoder(SubmitBody)


def read_predict(body: bytes) -> PredictBody:
    return _read(_predict, body)


def read_submit(body: bytes) -> SubmitBody:
    return _read(_submit, body)


def read_predict_many(body: bytes) -> tuple[list[RowBody | InvalidRequest], str]:
    """Return the rows, each read or with what is wrong with it, and the request id."""
    many = _read(_predict_many, body)
    return [_row_or_error(bytes(row)) for row in many.rows], many.request_id


def _row_or_error(row: bytes) -> RowBody | InvalidRequest:
    try:
        return _read(_row, row)
    except InvalidRequest as exc:
        return exc


def _read(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    if not body:
        raise InvalidRequest("the body is empty: send a JSON object")
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as exc:
        raise InvalidRequest(_named(body) or f"the body does not fit: {exc}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"the body is not JSON: {exc}") from exc
    except RecursionError as exc:
        raise InvalidRequest("the body is nested too deeply: a row is an object of two maps") from exc


def _named(body: bytes) -> str | None:
    """Name the entity or feature whose value cannot be: msgspec says only that one of the map's values is wrong."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    rows = document.get("rows", [document])
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            for part, what in (("entities", "entity"), ("features", "feature")):
                name = _misfit(row.get(part))
                if name is not None:
                    return f"{what} {name} must be a finite number (integers of 64 bits), a string or a boolean"
    return None


def _misfit(values: Any) -> str | None:
    for name, value in values.items() if isinstance(values, dict) else ():
        if not isinstance(value, int | float | str) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
            return str(name)
    return None
