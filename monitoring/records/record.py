"""One decision as its reader meets it: everything by name, made of a block's row and its shape."""

from collections.abc import Mapping
from functools import cached_property

import msgspec
import numpy as np
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from monitoring.records.block import Block, Scalar, Shape

_FRESH = 1
DEFAULT_PRIORITY = "default"
OK = "OK"


class Record(msgspec.Struct, frozen=True):
    """A row that was answered or failed. Times of day are unix: nanoseconds for `time_ns`, else seconds."""

    request_id: str
    time_ns: int
    event_now: float
    """The deployment's own clock."""
    deployment: str
    table: int
    slot: int
    """The worker's."""
    assigned: str
    """The arm that was to answer."""
    arm: str
    """The arm that did."""
    rescued: bool
    bundle_version: str
    bundle_digest: str
    policy_version: str
    unit: str
    priority: str
    trace_id: str
    entities: Mapping[str, Scalar]
    request: Mapping[str, Scalar]
    stored: Mapping[str, float]
    not_fresh: Mapping[str, str]
    event_times: Mapping[str, float | None]
    """By feature view; None where it is not known."""
    model_row: Mapping[str, float]
    """What the model was given: float32, shown as the float64 of the same value."""
    outputs: Mapping[str, float]
    decision: str
    code: str
    """OK, or the error that the caller got."""
    message: str
    degraded: tuple[str, ...]
    queue_us: int
    features_us: int
    infer_us: int
    total_us: int
    given_before: float | None = None
    """When the answer was given first, in unix seconds, if the call was repeated; then no feature was looked at."""
    precomputed_age_s: float | None = None
    """Seconds from its score to the answer, if it was computed ahead; then `model_row` is what a run would have got."""


class BlockRows:
    """The rows of one block; `slot` is that of its segment. Columns are taken apart when a row is wanted."""

    def __init__(self, block: Block, shape: Shape, slot: int) -> None:
        self.block = block
        self.shape = shape
        self._slot = slot

    def code(self, row: int) -> str:
        """Return OK, or the row's error."""
        return self.block.errors.get(row, (OK, ""))[0]

    @cached_property
    def _stored(self) -> list[list[float]]:
        values: list[list[float]] = np.frombuffer(self.block.stored, "<f8").reshape(len(self.block.ids), -1).tolist()
        return values

    @cached_property
    def _model(self) -> list[list[float]]:
        values: list[list[float]] = np.frombuffer(self.block.model, "<f4").reshape(len(self.block.ids), -1).tolist()
        return values

    def record(self, row: int) -> Record:
        """Return one row."""
        block, shape = self.block, self.shape
        code, message = block.errors.get(row, (OK, ""))
        return Record(
            request_id=block.ids[row],
            time_ns=block.written,
            event_now=block.event_now,
            deployment=shape.deployment,
            table=shape.table,
            slot=self._slot,
            assigned=block.assigned,
            arm=shape.arm,
            rescued=block.assigned != shape.arm and code == OK,
            bundle_version=shape.version,
            bundle_digest=shape.digest,
            policy_version=shape.policy,
            unit=block.units[row],
            priority=block.priorities.get(row, DEFAULT_PRIORITY),
            trace_id=block.traces[row][3:35] if block.traces else "",
            entities=block.entities[row],
            request=block.request[row],
            stored={name: value for (name, _), value in zip(shape.stored, self._stored[row], strict=True)},
            not_fresh=self._not_fresh(row),
            event_times=self._event_times(row),
            model_row=dict(zip(shape.model, self._model[row], strict=True)),
            outputs=block.outputs[row],
            decision=block.decisions[row],
            code=code,
            message=message,
            degraded=block.degraded.get(row, ()),
            queue_us=_micros(block.waited[row]),
            features_us=_micros(block.features),
            infer_us=_micros(block.infer),
            total_us=_micros(block.waited[row] + block.carried),
            given_before=block.given_before.get(row),
            precomputed_age_s=block.precomputed.get(row),
        )

    def _not_fresh(self, row: int) -> dict[str, str]:
        codes, names = self.block.odd.get(row, b""), self.shape.statuses
        return {
            name: names[code] if code < len(names) else f"status {code}"
            for (name, _), code in zip(self.shape.stored, codes, strict=bool(codes))
            if code != _FRESH
        }

    def _event_times(self, row: int) -> dict[str, float | None]:
        views = self.shape.views
        stamps = self.block.stamps[row * len(views) : (row + 1) * len(views)]
        return {name: event_time(stamp) for (name, _), stamp in zip(views, stamps, strict=True)}


def event_time(stamp: bytes | None) -> float | None:
    """Return the unix seconds of a protobuf Timestamp, None where there is none or it cannot be read."""
    if stamp is None:
        return None
    try:
        moment = Timestamp.FromString(stamp)
    except DecodeError:
        return None
    return moment.seconds + moment.nanos * 1e-9


def _micros(seconds: float) -> int:
    return round(seconds * 1e6)
