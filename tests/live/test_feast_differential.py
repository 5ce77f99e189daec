"""The byte reader against the Feast SDK, on a real Redis: random names, keys, types, nulls, holes and ages.

Feast writes, both read, the values must be equal. Where the two differ by intent ours is the stricter one: the SDK
calls an absent value PRESENT, and serves values older than their view's ttl.
"""

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import mmh3
import pytest
import redis
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Bool, Bytes, Float32, Float64, Int32, Int64, String, UnixTimestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.call import FeatureStatus
from gateway.features.address import parse_address
from gateway.features.block import FeatureBlock
from gateway.features.plan import Plan, load_plan
from gateway.features.redis_reader import RedisFeatureReader
from gateway.testing.redis_server import RedisServer

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Feast's own, none of them ours to mend
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

NOW = 1_554_076_800
DB = 5
FRESH, NULL, MISSING, STALE, LATE, BROKEN, LAST_KNOWN = list(FeatureStatus)

KEY_DTYPES = {"bytes": Bytes, "string": String, "int32": Int32, "int64": Int64, "unix_timestamp": UnixTimestamp}
DTYPES = {
    "double": Float64,
    "float": Float32,
    "int32": Int32,
    "int64": Int64,
    "bool": Bool,
    "unix_timestamp": UnixTimestamp,
}
ABSENT = object()
"""A feature that a write leaves out."""


@dataclass(frozen=True)
class ViewCase:
    """A view, and what is written: per row None for nothing, else the age in seconds and the values (None is null)."""

    name: str
    ttl: int
    features: dict[str, str]
    rows: list[tuple[float, dict[str, Any]] | None]


@dataclass(frozen=True)
class Case:
    """A project, its join keys with their types, its entity rows, and its views."""

    project: str
    keys: dict[str, str]
    entities: list[dict[str, Any]]
    views: list[ViewCase]


@dataclass
class Bench:
    """A registry in a directory and a Redis."""

    directory: Path
    server: RedisServer

    def store(self, case: Case) -> FeatureStore:
        """A store that knows the case's views."""
        config = RepoConfig(
            project=case.project,
            provider="local",
            registry={"registry_type": "file", "path": str(self.directory / f"{case.project}.db")},
            online_store={"type": "redis", "connection_string": f"127.0.0.1:{self.server.port},db={DB}"},
            offline_store={"type": "file"},
            entity_key_serialization_version=3,
        )
        store = FeatureStore(config=config)
        entities = [
            Entity(name=f"entity_{key}", join_keys=[key], value_type=ValueType[t.upper()])
            for key, t in case.keys.items()
        ]
        views = [self._view(case, view, entities) for view in case.views]
        store.apply([*entities, *views])
        return store

    def plan(self, case: Case, store: FeatureStore) -> Plan:
        """The plan, from the registry's own types."""
        views = [store.get_feature_view(view.name) for view in case.views]
        columns = sorted(views[0].entity_columns, key=lambda column: column.name)
        join_keys = [{"name": c.name, "type": c.dtype.to_value_type().name.lower()} for c in columns]
        document = {
            "format": 1,
            "project": case.project,
            "key_version": 3,
            "groups": [{"join_keys": join_keys, "views": [plan_view(view) for view in views]}],
            "request": [],
            "transform": None,
            "features": [],
        }
        path = self.directory / "plan.json"
        path.write_text(json.dumps(document))
        return load_plan(path)

    async def read(self, plan: Plan, entities: Sequence[dict[str, Any]]) -> FeatureBlock:
        """Read with ours."""
        reader = RedisFeatureReader(parse_address(f"redis://127.0.0.1:{self.server.port}/{DB}"))
        await reader.start()
        block = await reader.read(plan, [plan.row_keys(row) for row in entities], NOW, 10.0)
        await reader.close()
        return block

    def flush(self) -> None:
        with redis.Redis(port=self.server.port, db=DB) as client:
            client.flushdb()

    def _view(self, case: Case, view: ViewCase, entities: list[Entity]) -> FeatureView:
        keys = [Field(name=key, dtype=KEY_DTYPES[kind]) for key, kind in case.keys.items()]
        features = [Field(name=name, dtype=DTYPES[kind]) for name, kind in view.features.items()]
        source = FileSource(name=f"{view.name}_source", path=str(self.directory / "none.parquet"), timestamp_field="at")
        ttl = timedelta(seconds=view.ttl)
        return FeatureView(name=view.name, entities=entities, schema=keys + features, ttl=ttl, source=source)


@pytest.fixture
def bench(tmp_path: Path, redis_server: RedisServer) -> Bench:
    return Bench(tmp_path, redis_server)


def plan_view(view: FeatureView) -> dict[str, Any]:
    features = [
        {
            "name": field.name,
            "field": struct.pack("<I", mmh3.hash(f"{view.name}:{field.name}", signed=False)).hex(),
            "type": field.dtype.to_value_type().name.lower(),
            "default": 0.0,
        }
        for field in view.features
    ]
    return {"name": view.name, "ttl_seconds": int((view.ttl or timedelta()).total_seconds()), "features": features}


def proto(kind: str, value: Any) -> Value:
    return Value() if value is None else Value(**{f"{kind}_val": value})


def write(store: FeatureStore, case: Case) -> None:
    """Through the SDK's own online store, which takes nulls and holes as they are."""
    for view in case.views:
        batch: list[tuple[EntityKey, dict[str, Value], datetime, datetime | None]] = []
        for entities, row in zip(case.entities, view.rows, strict=True):
            if row is None:
                continue
            age, values = row
            key = EntityKey(
                join_keys=list(case.keys), entity_values=[proto(case.keys[name], entities[name]) for name in case.keys]
            )
            protos = {name: proto(view.features[name], value) for name, value in values.items() if value is not ABSENT}
            batch.append((key, protos, datetime.fromtimestamp(NOW - age, UTC), None))
        if batch:
            registered = store.get_feature_view(view.name)
            store._get_provider().online_write_batch(store.config, registered, batch, None)


def expected(view: ViewCase, row: tuple[float, dict[str, Any]] | None, name: str) -> FeatureStatus:
    """The status in words, from what was written."""
    if row is None or row[1][name] is ABSENT:
        return MISSING
    age, values = row
    if values[name] is None:
        return NULL
    if not math.isfinite(values[name]):
        return BROKEN
    return STALE if view.ttl and age > view.ttl else FRESH


def number(value: Any) -> float:
    return value.timestamp() if isinstance(value, datetime) else float(value)


def compare(case: Case, plan: Plan, block: FeatureBlock, answer: Any) -> None:
    theirs = answer.to_dict()
    names = list(answer.proto.metadata.feature_names.val)
    columns = {feature.name: at for at, feature in enumerate(plan.stored)}
    for view in case.views:
        for name in view.features:
            statuses = list(answer.proto.results[names.index(name)].statuses)
            for row in range(len(case.entities)):
                status = FeatureStatus(int(block.statuses[row, columns[name]]))
                assert status is expected(view, view.rows[row], name)
                value = theirs[name][row]
                assert (value is None) == (status in (NULL, MISSING))
                if statuses[row] != FieldStatus.PRESENT:
                    assert status is not FRESH
                if status is FRESH:
                    assert block.values[row, columns[name]] == number(value)
    for at, view in enumerate(case.views):
        wanted = [math.nan if row is None else row[0] for row in view.rows]
        assert block.ages[:, at].tolist() == pytest.approx(wanted, nan_ok=True, abs=1e-5)


NAMES = st.text("abcxyz019_żβ", min_size=1, max_size=10).filter(lambda name: "__" not in name and name[0].isalpha())
KEY_VALUES = {
    "bytes": st.binary(min_size=1, max_size=12),
    "string": st.text(max_size=8),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "unix_timestamp": st.integers(0, 2**33),
}
VALUES = {
    "double": st.floats(),
    "float": st.floats(width=32),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "unix_timestamp": st.integers(0, 2**33),
}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = iter(draw(st.lists(NAMES, min_size=13, max_size=13, unique=True)))
    keys = {next(names): draw(st.sampled_from(sorted(KEY_VALUES))) for _ in range(draw(st.integers(1, 4)))}
    row = st.fixed_dictionaries({name: KEY_VALUES[kind] for name, kind in keys.items()})
    entities = draw(st.lists(row, min_size=1, max_size=4, unique_by=lambda row: tuple(row.values())))
    views = [draw(view_cases(f"{next(names)}", [next(names) for _ in range(3)], len(entities))) for _ in range(2)]
    return Case(draw(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)), keys, entities, views)


@st.composite
def view_cases(draw: st.DrawFn, name: str, features: list[str], rows: int) -> ViewCase:
    types = {feature: draw(st.sampled_from(sorted(VALUES))) for feature in features}
    ttl = draw(st.sampled_from([0, 100]))
    values = {name: st.one_of(VALUES[kind], VALUES[kind], st.none(), st.just(ABSENT)) for name, kind in types.items()}
    ages = st.sampled_from([0.0, 0.25, 99.999999, 100.0, 100.000001, 101.0, 1e9])
    written = st.one_of(st.none(), *[st.tuples(ages, st.fixed_dictionaries(values))] * 3)
    return ViewCase(name, ttl, types, draw(st.lists(written, min_size=rows, max_size=rows)))


@settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(case=cases())
async def test_what_feast_writes_both_read(bench: Bench, case: Case) -> None:
    bench.flush()
    store = bench.store(case)
    plan = bench.plan(case, store)
    write(store, case)
    for row in case.entities:
        key = EntityKey(
            join_keys=list(case.keys), entity_values=[proto(case.keys[name], row[name]) for name in case.keys]
        )
        assert plan.row_keys(row) == (serialize_entity_key(key, 3) + case.project.encode(),)
    block = await bench.read(plan, case.entities)
    features = [f"{view.name}:{name}" for view in case.views for name in view.features]
    compare(case, plan, block, store.get_online_features(features=features, entity_rows=case.entities))
