"""Decision records: what a lane made of its part of a list, written down after the replies have left.

Encoded here, on the event loop's thread, and appended to files by another: handing over objects instead would move the
same work to a thread that shares the interpreter with the loop, and stops it at moments of its own choosing. Which
calls are chosen is a matter of their request id alone (its CRC32), so that every process, and a second try, chooses the
same.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.call import FeatureStatus, Priority
from gateway.errors import GatewayError
from gateway.intake import Row
from gateway.lane import Decided, Lane, Outcome
from gateway.replay import LONGEST_TRACE, Replay
from gateway.stored import Stored
from monitoring.records.block import Block, Scalar, Shape, encode, identity
from monitoring.records.writer import Entry, RecordCounts
from routing.table import FALLBACK

log = logging.getLogger("sluice.records")

_MESSAGE = 200
_NAMES = {int(status): status.name.lower() for status in FeatureStatus}
_STATUSES = tuple(_NAMES.get(number, "") for number in range(max(_NAMES) + 1))
_UNENCODABLE = (TypeError, ValueError, OverflowError, msgspec.MsgspecError)

_NOTHING = Decided("", {})
_DEFAULT = Priority.DEFAULT


class Part(Protocol):
    """Rows that went through a lane together; see `line.Batch`."""

    @property
    def rows(self) -> Sequence[Row]: ...
    @property
    def stored(self) -> Stored: ...
    @property
    def matrix(self) -> NDArray[np.float32]: ...
    @property
    def started(self) -> float: ...


class Tried(Protocol):
    """What one lane made of a part of a list; see `line.Tried`.

    `answered` are the rows that got it as their answer, `failed` those that got an error for good.
    """

    @property
    def assigned(self) -> str: ...
    @property
    def lane(self) -> Lane: ...
    @property
    def batch(self) -> Part: ...
    @property
    def outcomes(self) -> Sequence[Outcome]: ...
    @property
    def began(self) -> float: ...
    @property
    def ended(self) -> float: ...
    @property
    def infer(self) -> float: ...
    @property
    def answered(self) -> list[int]: ...
    @property
    def failed(self) -> Mapping[int, GatewayError]: ...
    @property
    def unkept(self) -> Set[int]: ...
    @property
    def ages(self) -> Mapping[int, float]: ...
    def reasons(self, index: int) -> tuple[str, ...]: ...


class Recorder(Protocol):
    """Keeps what was decided."""

    def write(self, tried: Tried) -> None:
        """Record the rows that were answered, and those that failed.

        Called once for every lane that a part of a list was tried on, when the replies have left, on the event loop's
        thread. Never waits, never raises.
        """

    def replay(self, replay: Replay) -> None:
        """Record the rows that were answered before, and got that answer again; as `write`."""


class NullRecorder:
    """Of a deployment that keeps no records."""

    def write(self, tried: Tried) -> None:
        """Do nothing."""

    def replay(self, replay: Replay) -> None:
        """Do nothing."""


class Sink(Protocol):
    """Takes encoded blocks; never waits, never raises."""

    def put(self, entry: Entry) -> None: ...


@dataclass(frozen=True, slots=True)
class Known:
    """A lane with its shape, made once."""

    lane: Lane
    identity: bytes
    encoded: bytes


class DeploymentRecorder:
    """Records one deployment under one table. `share` of the calls are chosen; `wall` gives unix nanoseconds."""

    def __init__(
        self,
        deployment: str,
        table: int,
        share: float,
        sink: Sink,
        counts: RecordCounts,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self._deployment = deployment
        self._table = table
        self._chosen_below = share * (1 << 32)
        self._sink = sink
        self._counts = counts
        self._wall = wall
        self._known: dict[str, Known] = {}
        self._defect_told = False

    def write(self, tried: Tried) -> None:
        """Record the chosen ones of the rows."""
        failed = tried.failed
        indices = self._chosen(tried.batch.rows, sorted([*tried.answered, *failed]) if failed else tried.answered)
        if not indices:
            return
        known = self._shape(tried.lane)
        now = self._wall()
        self._put(known.identity, known.encoded, len(indices), lambda: block_of(known.identity, tried, indices, now))

    def replay(self, replay: Replay) -> None:
        """Record the chosen ones of the rows."""
        for one in replay.choose(lambda row: self._wants(row.call.request_id)).by_lane():
            shape = encode(one.shape(self._deployment, self._table))
            self._put(identity(shape), shape, len(one.given), partial(one.block, identity(shape), self._wall()))

    def _put(self, name: bytes, shape: bytes, rows: int, make: Callable[[], Block]) -> None:
        try:
            block = _encoded(make())
        except _UNENCODABLE:
            self._counts.dropped.add(rows)
            if not self._defect_told:
                self._defect_told = True
                log.exception("decision records of a list could not be encoded", extra={"deployment": self._deployment})
            return
        self._sink.put(Entry(name, shape, block, rows, self._counts))

    def _wants(self, request_id: str) -> bool:
        return crc32(request_id.encode()) < self._chosen_below

    def _chosen(self, rows: Sequence[Row], indices: list[int]) -> list[int]:
        below = self._chosen_below
        if below >= 1 << 32:
            return indices
        return [at for at in indices if self._wants(rows[at].call.request_id)]

    def _shape(self, lane: Lane) -> Known:
        known = self._known.get(lane.arm)
        if known is None or known.lane is not lane:
            encoded = encode(shape_of(self._deployment, self._table, lane))
            known = self._known[lane.arm] = Known(lane, identity(encoded), encoded)
        return known


def _encoded(block: Block) -> bytes:
    try:
        return encode(block)
    except _UNENCODABLE:  # somebody sent what msgpack cannot hold: it must not cost his neighbours their records
        entities, request = _plain(block.entities), _plain(block.request)
        return encode(msgspec.structs.replace(block, entities=entities, request=request))


def shape_of(deployment: str, table: int, lane: Lane) -> Shape:
    """Return what the records of a lane have in common."""
    plan = lane.plan
    return Shape(
        deployment=deployment,
        table=table,
        arm=lane.arm,
        version=lane.version,
        digest=lane.digest,
        policy=lane.policy.version,
        entities=tuple((key.name, key.type) for key in plan.entities),
        request=tuple((feature.name, feature.type) for feature in plan.request),
        stored=tuple((feature.name, feature.type) for feature in plan.stored),
        views=tuple((view.name, len(view.features)) for view in plan.views),
        model=plan.features,
        statuses=_STATUSES,
    )


def block_of(shape: bytes, tried: Tried, indices: Sequence[int], written: int) -> Block:
    """Return the records of some rows, in their order.

    What a lane decided of a row that got an error was no answer: it is left out.
    """
    batch, stored, started, failed = tried.batch, tried.batch.stored, tried.batch.started, tried.failed
    whole = len(indices) == len(batch.rows)
    rows = batch.rows if whole else [batch.rows[at] for at in indices]
    values, matrix = (stored.values, batch.matrix) if whole else (stored.values[indices], batch.matrix[indices])
    # One pass over the rows: this runs for every list.
    columns = [
        (call.request_id, row.unit, call.traceparent, call.received, call.entities, call.features, call.priority)
        for row in rows
        for call in (row.call,)
    ]
    ids, units, traces, received, entities, request, priorities = zip(*columns, strict=True)
    decisions, outputs, _ = zip(*_decided(tried, indices), strict=True)
    return Block(
        shape=shape,
        written=written,
        event_now=stored.event_now,
        assigned=tried.assigned,
        features=stored.seconds,
        infer=tried.infer,
        carried=tried.ended - started,
        ids=ids,
        units=units,
        traces=tuple([trace[:LONGEST_TRACE] for trace in traces]) if any(traces) else (),
        waited=[started - one for one in received],
        entities=entities,
        request=request,
        decisions=decisions,
        outputs=outputs,
        stored=values.tobytes(),
        model=matrix.tobytes(),
        stamps=stored.stamps if whole and isinstance(stored.places, range) else stored.stamps_of(indices),
        odd={row: stored.odd[at].codes for row, at in enumerate(indices) if at in stored.odd} if stored.odd else {},
        degraded=_degraded(tried, indices),
        priorities=_not_default(priorities),
        errors={row: _error(failed[at]) for row, at in enumerate(indices) if at in failed} if failed else {},
        precomputed={row: tried.ages[at] for row, at in enumerate(indices) if at in tried.ages} if tried.ages else {},
    )


def _decided(tried: Tried, indices: Sequence[int]) -> list[Decided]:
    outcomes, failed = tried.outcomes, tried.failed
    if failed:
        said = [_NOTHING if at in failed else outcomes[at] for at in indices]
    else:
        said = [outcomes[at] for at in indices]
    return [one if isinstance(one, Decided) else _NOTHING for one in said]


def _not_default(priorities: Sequence[Priority]) -> dict[int, str]:
    if priorities.count(_DEFAULT) == len(priorities):
        return {}
    return {row: one.name.lower() for row, one in enumerate(priorities) if one is not _DEFAULT}


def _degraded(tried: Tried, indices: Sequence[int]) -> dict[int, tuple[str, ...]]:
    odd = tried.batch.stored.odd
    if tried.lane.arm == FALLBACK or tried.unkept or tried.ages:
        return {row: reasons for row, at in enumerate(indices) if (reasons := tried.reasons(at))}
    if not odd:
        return {}
    return {row: odd[at].reasons for row, at in enumerate(indices) if at in odd and odd[at].reasons}


def _error(error: GatewayError) -> tuple[str, str]:
    return error.code, str(error)[:_MESSAGE]


def _plain(columns: Sequence[Mapping[str, Scalar]]) -> list[Mapping[str, Scalar]]:
    """Return the same in what msgpack can hold: whole numbers beyond 64 bits become the floats that the model saw."""
    return [{name: _in_64_bits(value) for name, value in column.items()} for column in columns]


def _in_64_bits(value: Scalar) -> Scalar:
    too_long = type(value) is int and not -(1 << 63) <= value < 1 << 64
    return float(value) if too_long else value
