"""Who else writes the same bytes: data frames through the SDK, our test writer, and writers in other languages."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import mmh3
import numpy as np
import pandas as pd
import pytest
import redis
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.protos.feast.types.Value_pb2 import Null, Value
from feast.types import Bool, Float64, Int64

from gateway.call import FeatureStatus
from gateway.features.address import parse_address
from gateway.features.block import FeatureBlock
from gateway.features.keys import KeyValue
from gateway.features.plan import Plan, load_plan
from gateway.features.redis_reader import RedisFeatureReader
from gateway.testing.feast_hash import FeastHash
from gateway.testing.redis_server import RedisServer

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Feast's own, none of them ours to mend
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

NOW = 1_554_076_800
DB = 6
FRESH, NULL, MISSING, STALE, LATE, BROKEN, LAST_KNOWN = list(FeatureStatus)
ROWS: list[dict[str, KeyValue]] = [
    {"pickup": 1, "dropoff": 2},
    {"pickup": 2, "dropoff": 1},
    {"pickup": 3, "dropoff": 3},
]
TYPES = {"mean_fare": Float64, "trips": Int64, "vip": Bool}
FEATURES = list(TYPES)


@dataclass
class Pairs:
    """A Feast view of zone pairs with a ttl of 100 s, its plan, and the Redis that it is kept in."""

    store: FeatureStore
    plan: Plan
    client: redis.Redis
    url: str

    async def ours(self) -> FeatureBlock:
        reader = RedisFeatureReader(parse_address(self.url))
        await reader.start()
        block = await reader.read(self.plan, [self.plan.row_keys(row) for row in ROWS], NOW, 10.0)
        await reader.close()
        return block

    def theirs(self) -> dict[str, list[Any]]:
        references = [f"pairs:{name}" for name in FEATURES]
        answer: dict[str, list[Any]] = self.store.get_online_features(features=references, entity_rows=ROWS).to_dict()
        return answer


@pytest.fixture
def pairs(tmp_path: Path, redis_server: RedisServer) -> Iterator[Pairs]:
    config = RepoConfig(
        project="fares",
        provider="local",
        registry={"registry_type": "file", "path": str(tmp_path / "registry.db")},
        online_store={"type": "redis", "connection_string": f"127.0.0.1:{redis_server.port},db={DB}"},
        offline_store={"type": "file"},
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    store.apply(definitions(tmp_path))
    (tmp_path / "plan.json").write_text(json.dumps(document()))
    with redis.Redis(port=redis_server.port, db=DB) as client:
        yield Pairs(store, load_plan(tmp_path / "plan.json"), client, f"redis://127.0.0.1:{redis_server.port}/{DB}")
        client.flushdb()


def definitions(directory: Path) -> list[Any]:
    keys = [Entity(name=name, join_keys=[name], value_type=ValueType.INT64) for name in ("pickup", "dropoff")]
    schema = [Field(name=name, dtype=Int64) for name in ("pickup", "dropoff")]
    schema += [Field(name=name, dtype=dtype) for name, dtype in TYPES.items()]
    source = FileSource(name="pairs_source", path=str(directory / "none.parquet"), timestamp_field="at")
    return [*keys, FeatureView(name="pairs", entities=keys, schema=schema, ttl=timedelta(seconds=100), source=source)]


def document() -> dict[str, Any]:
    features = [
        {
            "name": name,
            "field": struct.pack("<I", mmh3.hash(f"pairs:{name}", signed=False)).hex(),
            "type": dtype.to_value_type().name.lower(),
            "default": 0.0,
        }
        for name, dtype in TYPES.items()
    ]
    keys = [{"name": name, "type": "int64"} for name in ("dropoff", "pickup")]
    group = {"join_keys": keys, "views": [{"name": "pairs", "ttl_seconds": 100, "features": features}]}
    head: dict[str, Any] = {"format": 1, "project": "fares", "key_version": 3}
    return {**head, "groups": [group], "request": [], "transform": None, "features": []}


async def test_a_data_frame_comes_back(pairs: Pairs) -> None:
    """The public way to write, pandas and all. The SDK serves the second row although it is stale."""
    at = [datetime.fromtimestamp(NOW - age, UTC) for age in (10, 101)]
    frame = {"pickup": [1, 2], "dropoff": [2, 1], "mean_fare": [12.5, 13.0], "trips": [3, 4], "vip": [True, False]}
    pairs.store.write_to_online_store("pairs", pd.DataFrame({**frame, "at": at}))
    block = await pairs.ours()
    assert block.statuses.tolist() == [[FRESH] * 3, [STALE] * 3, [MISSING] * 3]
    assert block.values[0].tolist() == [12.5, 3, 1]
    theirs = pairs.theirs()
    assert [theirs[name] for name in FEATURES] == [[12.5, 13.0, None], [3, 4, None], [True, False, None]]


def test_the_sdk_reads_what_our_test_writer_wrote(pairs: Pairs) -> None:
    writer = FeastHash(pairs.client)
    writer.put(pairs.plan, ROWS[0], {"mean_fare": 2.5, "trips": -4, "vip": 1}, NOW + 0.000001)
    writer.put(pairs.plan, ROWS[1], {"mean_fare": None, "trips": 7}, NOW)
    theirs = pairs.theirs()
    assert [theirs[name] for name in FEATURES] == [[2.5, None, None], [-4, 7, None], [True, None, None]]


async def test_what_writers_in_other_languages_write(pairs: Pairs) -> None:
    """An explicit null (which the SDK hands out as 0), event times without nanoseconds, and of the year 1970."""
    fields = {feature.name: feature.field for feature in pairs.plan.stored}
    null, five = Value(null_val=Null.NULL).SerializeToString(), Value(int64_val=5).SerializeToString()
    for row, stamp in zip(ROWS, (b"\x08\x80\xa9\x85\xe5\x05", b"", b"\x10\x01"), strict=True):
        words = [pairs.plan.row_keys(row)[0], fields["mean_fare"], null, fields["trips"], five, b"_ts:pairs", stamp]
        pairs.client.execute_command("HSET", *words)  # type: ignore[no-untyped-call]  # redis-py's
    block = await pairs.ours()
    assert block.statuses.tolist() == [[NULL, FRESH, MISSING], [NULL, STALE, MISSING], [NULL, STALE, MISSING]]
    assert np.allclose(block.ages[:, 0], [0, NOW, NOW])
    theirs = pairs.theirs()
    assert [theirs[name] for name in FEATURES] == [[0] * 3, [5] * 3, [None] * 3]
