"""The online store, on the real data: what Feast wrote to Redis scores as the point-in-time row of training does."""

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import redis
from feast import FeatureStore

from gateway.testing.redis_server import RedisServer
from models.deployment import declared
from models.errors import OnlineStoreError
from models.export import onnx_scores
from models.feature_store import open_store
from models.manifest import load_manifest
from models.materialise import newest_rows, read_back
from models.online_stamp import OnlineStamp
from models.pipeline import NAMES
from models.places import bundle_path
from models.progress import Progress
from models.recipes import RECIPES
from models.tables import current_tables
from tests.live.prepared import SkewRows


@pytest.fixture(scope="module")
def store(filled_redis: RedisServer) -> FeatureStore:
    return open_store(filled_redis.url)


def newest_event(name: str) -> datetime:
    return current_tables(RECIPES[name], declared(name), Progress()).newest_event


def key_bytes(join_keys: Sequence[Mapping[str, str]], entities: Mapping[str, int]) -> bytes:
    names = [key["name"].encode() for key in join_keys]
    values = [struct.pack("<IIq", 4, 8, entities[key["name"]]) for key in join_keys]
    return struct.pack("<I", len(names)) + b"".join(struct.pack("<II", 2, len(n)) + n for n in names) + b"".join(values)


def stored(client: redis.Redis, plan: Mapping[str, Any], entities: Mapping[str, int], now: float) -> dict[str, float]:
    """What the plan says Redis holds for these entities, read without Feast; defaults for what is missing or stale."""
    values = {}
    for group in plan["groups"]:
        key = key_bytes(group["join_keys"], entities) + plan["project"].encode()
        held = cast("dict[bytes, bytes]", client.hgetall(key))
        for view in group["views"]:
            stamp = held.get(f"_ts:{view['name']}".encode())
            limit = view["ttl_seconds"] or math.inf
            fresh = stamp is not None and now - _seconds(stamp) <= limit
            for feature in view["features"]:
                raw = held.get(bytes.fromhex(feature["field"])) if fresh else None
                values[feature["name"]] = struct.unpack("<d", raw[1:])[0] if raw else feature["default"]
    return values


def _seconds(stamp: bytes) -> int:
    """The seconds of a protobuf Timestamp: field 1, a varint."""
    return sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(stamp[1:6]))


@pytest.mark.parametrize("name", NAMES)
def test_redis_scores_as_the_point_in_time_row_does(filled_redis: RedisServer, skew_rows: SkewRows, name: str) -> None:
    recipe, deployment, bundle = RECIPES[name], declared(name), bundle_path(name, "1")
    plan = json.loads((bundle / "plan.json").read_bytes())
    calls = skew_rows(name)
    client = redis.Redis.from_url(filled_redis.url)
    rows = []
    for call in calls:
        now = call["features"]["time"]
        rows.append({**stored(client, plan, call["entities"], now), **call["entities"], **call["features"]})
    client.close()
    table = pd.DataFrame(rows)
    columns = {name: table[name].to_numpy(np.float64) for name in table.columns}
    everything = {**columns, **recipe.transform(columns)}
    matrix = np.column_stack([everything[name] for name in plan["features"]]).astype(np.float32)
    scores = onnx_scores((bundle / "model.onnx").read_bytes(), matrix)
    assert len({tuple(call["entities"].items()) for call in calls}) == len(calls) == 1000
    assert np.abs(scores - [call["score"] for call in calls]).max() <= deployment.training.tolerance


def test_the_newest_state_of_every_entity_is_there(filled_redis: RedisServer) -> None:
    entities: dict[tuple[str, ...], set[tuple[int, ...]]] = {}
    for name in NAMES:
        for history in RECIPES[name].histories:
            rows = newest_rows(history, newest_event(name))[list(history.keys)]
            entities.setdefault(history.keys, set()).update(rows.itertuples(index=False, name=None))
    client = redis.Redis.from_url(filled_redis.url)
    keys = sum(1 for _ in client.scan_iter(b"*sluice", count=10_000))
    client.close()
    assert keys == sum(len(keys_of_one_kind) for keys_of_one_kind in entities.values())


def test_rows_that_are_not_in_redis_are_noticed(store: FeatureStore, emptied: RedisServer) -> None:
    zones = RECIPES["quotes"].histories[0]
    read_back(store, zones, newest_event("quotes"))
    with pytest.raises(OnlineStoreError, match="pickup_history: Redis does not hold"):
        read_back(open_store(emptied.url), zones, newest_event("quotes"))


@pytest.fixture
def emptied() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.close()


def test_the_stamp_says_whether_the_store_is_current(emptied: RedisServer) -> None:
    deployments = [declared(name) for name in NAMES]
    with OnlineStamp(emptied.url, deployments) as stamp:
        assert not stamp.is_current()
        stamp.set()
        assert stamp.is_current()
    with OnlineStamp(emptied.url, deployments[:1]) as other:
        assert not other.is_current()
        other.lift()
    with OnlineStamp(emptied.url, deployments) as stamp:
        assert not stamp.is_current()


@pytest.mark.parametrize(
    ("name", "ends"),
    [("fraud", "2019-08-07T10:19:22"), ("quotes", "2020-12-31T23:40:30"), ("credit", "2005-09-30T23:59:01")],
)
def test_the_bundle_says_where_the_clock_begins(filled_redis: RedisServer, name: str, ends: str) -> None:
    assert newest_event(name).isoformat() == f"{ends}+00:00"
    assert load_manifest(bundle_path(name, "1")).newest_event == newest_event(name).timestamp()
