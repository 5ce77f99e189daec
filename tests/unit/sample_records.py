"""Blocks and shapes for the tests of decision records, small and complete."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from monitoring import metrics
from monitoring.records.block import Block, Shape, encode, identity
from monitoring.records.writer import Entry, RecordCounts
from monitoring.series import SeriesFile

SECOND = 1_000_000_000
NOON = 1_769_860_800 * SECOND
SHAPE = Shape(
    deployment="fraud",
    table=3,
    arm="champion",
    version="1",
    digest="d" * 64,
    policy="p1",
    entities=(("card_id", "int64"), ("store", "string")),
    request=(("amount", "double"), ("customer_present", "bool"), ("time", "unix_timestamp")),
    stored=(("card_count", "double"), ("card_limit", "double"), ("store_count", "int64")),
    views=(("card_history", 2), ("store_history", 1)),
    model=("amount", "card_count"),
    statuses=("", "fresh", "null", "missing", "stale", "late", "broken"),
)
STAMP = Timestamp(seconds=1_700_000_000, nanos=500_000_000).SerializeToString()


def block(ids: list[str], shape: Shape = SHAPE, **changes: Any) -> Block:
    """Return a block of answered rows; the first value of each row tells rows apart."""
    rows = len(ids)
    whole = Block(
        shape=identity(encode(shape)),
        written=NOON,
        event_now=1_700_000_060.0,
        assigned="champion",
        features=0.000_2,
        infer=0.000_1,
        carried=0.000_5,
        ids=ids,
        units=[f"unit {one}" for one in ids],
        traces=(),
        waited=[0.000_05] * rows,
        entities=[{"card_id": row, "store": "s"} for row in range(rows)],
        request=[{"amount": row + 0.5, "customer_present": True} for row in range(rows)],
        decisions=["approve"] * rows,
        outputs=[{"score": row / 10} for row in range(rows)],
        stored=np.arange(rows * len(shape.stored), dtype="<f8").tobytes(),
        model=(np.arange(rows * len(shape.model), dtype="<f4") / np.float32(3)).tobytes(),
        stamps=[STAMP, None] * rows,
        odd={},
        degraded={},
        priorities={},
        errors={},
    )
    return msgspec.structs.replace(whole, **changes)


def entry(counts: RecordCounts, found: Block, shape: Shape = SHAPE) -> Entry:
    """Return a block as the writer takes it."""
    encoded = encode(shape)
    return Entry(identity(encoded), encoded, encode(found), len(found.ids), counts)


def counts_in(directory: Path, deployment: str = "fraud") -> RecordCounts:
    """Return counts that stand in a metric file."""
    counter = SeriesFile(directory, 0).counter
    written, dropped, failed = (counter(metrics.RECORDS, deployment, one) for one in ("written", "dropped", "failed"))
    return RecordCounts(deployment, written, dropped, failed)
