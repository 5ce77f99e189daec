"""Records as Arrow tables: one row a record, one typed column for every feature.

Wide columns rather than maps, because a deployment's features are known and typed, and whoever reads a few of them
should not decode the rest. Bundles of a deployment may differ in their features: where tables are joined, what one of
them lacks is null.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pyarrow as pa

from monitoring.records.block import Scalar, Shape
from monitoring.records.record import BlockRows

_MOMENT = pa.timestamp("us", tz="UTC")
_FIELDS: Mapping[str, Any] = {
    "request_id": pa.string(),
    "deployment": pa.string(),
    "table": pa.int64(),
    "slot": pa.int32(),
    "assigned": pa.string(),
    "arm": pa.string(),
    "rescued": pa.bool_(),
    "bundle_version": pa.string(),
    "bundle_digest": pa.string(),
    "policy_version": pa.string(),
    "unit": pa.string(),
    "priority": pa.string(),
    "trace_id": pa.string(),
    "decision": pa.string(),
    "code": pa.string(),
    "message": pa.string(),
    "degraded": pa.list_(pa.string()),
    "queue_us": pa.int64(),
    "features_us": pa.int64(),
    "infer_us": pa.int64(),
    "total_us": pa.int64(),
    "precomputed_age_s": pa.float64(),
}


def table_of(blocks: Iterable[BlockRows]) -> Any:
    """Return the `pyarrow.Table` of all rows of some blocks of one deployment, None where there are none."""
    tables = [_table(shape, list(same)) for shape, same in groupby(blocks, key=lambda one: one.shape)]
    return pa.concat_tables(tables, promote_options="default").combine_chunks() if tables else None


def _table(shape: Shape, blocks: Sequence[BlockRows]) -> Any:
    records = [found.record(row) for found in blocks for row in range(len(found.block.ids))]
    columns = {
        "time": pa.array([record.time_ns for record in records], pa.timestamp("ns", tz="UTC")),
        "given_before": pa.array([_moment(record.given_before) for record in records], _MOMENT),
        "event_now": pa.array([_moment(record.event_now) for record in records], _MOMENT),
        **{name: pa.array([getattr(one, name) for one in records], kind) for name, kind in _FIELDS.items()},
        **_named("entity", shape.entities, [record.entities for record in records]),
        **_named("request", shape.request, [record.request for record in records]),
        **_floats("stored", [name for name, _ in shape.stored], [record.stored for record in records], pa.float64()),
        **_floats("model", shape.model, [record.model_row for record in records], pa.float32()),
        **_floats(
            "output", _names(record.outputs for record in records), [one.outputs for one in records], pa.float64()
        ),
    }
    for name, _ in shape.views:
        moments = [_moment(record.event_times[name]) for record in records]
        columns[f"event_time.{name}"] = pa.array(moments, _MOMENT)
    known = {name for name, _ in shape.request}
    sent = [[(name, _number(value)) for name, value in one.request.items() if name not in known] for one in records]
    columns["overrides"] = pa.array(sent, pa.map_(pa.string(), pa.float64()))
    not_fresh = [list(record.not_fresh.items()) for record in records]
    columns["not_fresh"] = pa.array(not_fresh, pa.map_(pa.string(), pa.string()))
    return pa.table(columns)


def _names(outputs: Iterable[Mapping[str, float]]) -> list[str]:
    return sorted({name for one in outputs for name in one})


def _floats(kind: str, names: Sequence[str], rows: Sequence[Mapping[str, float]], type_: Any) -> dict[str, Any]:
    return {f"{kind}.{name}": pa.array([row.get(name) for row in rows], type_) for name in names}


def _named(kind: str, names: Sequence[tuple[str, str]], rows: Sequence[Mapping[str, Scalar]]) -> dict[str, Any]:
    columns = {}
    for name, declared in names:
        read, type_ = _TYPES.get(declared, _TYPES["string"])
        values = [row.get(name) for row in rows]
        columns[f"{kind}.{name}"] = pa.array([None if one is None else read(one) for one in values], type_)
    return columns


def _number(value: Scalar) -> float:
    """Return a request feature's number; a time may have been sent as ISO 8601."""
    if not isinstance(value, str):
        return float(value)
    moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _moment(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e6)


_TYPES: Mapping[str, tuple[Callable[[Any], object], Any]] = {
    "int32": (int, pa.int64()),
    "int64": (int, pa.int64()),
    "bool": (bool, pa.bool_()),
    "double": (_number, pa.float64()),
    "float": (_number, pa.float64()),
    "unix_timestamp": (_number, pa.float64()),
    "string": (str, pa.string()),
}
"""By the type that the deployment declares: how a value that was sent is read, and its column's type."""
