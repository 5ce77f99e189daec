"""The compiled plan: what it says of definitions that fit, and every definition that it refuses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.infra.online_stores.helpers import _mmh3
from feast.types import Array, FeastType, Float64, Int64, String

from models.compile_plan import compile_plan, field_hash
from models.deployment import Deployment, Training
from models.errors import PlanError
from models.recipe import Columns

CARD = Entity(name="card_id", join_keys=["card_id"], value_type=ValueType.INT64)
STORE = Entity(name="store_id", join_keys=["store_id"], value_type=ValueType.INT64)
COLLISION = ("f37660", "f43618")  # both hash to a0445cc7 in a view called v


def doubled(columns: Columns) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    return {"twice": columns["amount"] * 2.0}


def fraud(**changes: Any) -> Deployment:
    """A deployment by the name of one whose transform lies on disk."""
    training = Training((), "binary", 1, {}, {}, ("amount", "twice", "spent"), 1e-5, {})
    request = ({"name": "amount", "type": "double", "required": True},)
    given = Deployment("fraud", {"entity": "card_id"}, {"spent": 0.0}, ("limit",), request, training)
    return replace(given, **changes)


def view(name: str = "cards", **changes: Any) -> FeatureView:
    fields: dict[str, FeastType] = changes.pop("fields", {"spent": Float64, "limit": Float64})
    entities: Sequence[Entity] = changes.pop("entities", [CARD])
    keys: dict[str, FeastType] = changes.pop("keys", {entity.name: Int64 for entity in entities})
    schema = [Field(name=field, dtype=dtype) for field, dtype in {**keys, **fields}.items()]
    source = FileSource(path=f"{name}.parquet", timestamp_field="event_timestamp")
    wanted = {"ttl": timedelta(days=90), **changes}
    return FeatureView(name=name, entities=list(entities), schema=schema, source=source, **wanted)


@dataclass(frozen=True)
class Registry:
    """What compile_plan asks of a FeatureStore, without one."""

    views: tuple[FeatureView, ...]
    service: FeatureService
    key_version: int = 3
    project: str = "sluice"

    @property
    def config(self) -> SimpleNamespace:
        registry = SimpleNamespace(enable_online_feature_view_versioning=False)
        return SimpleNamespace(entity_key_serialization_version=self.key_version, registry=registry)

    def list_feature_views(self) -> list[FeatureView]:
        return list(self.views)

    def get_feature_service(self, name: str) -> FeatureService:
        return self.service


def store(*views: FeatureView, projected: Sequence[FeatureView] | None = None, **changes: Any) -> FeatureStore:
    service = FeatureService(name="fraud", features=list(views if projected is None else projected))
    return cast("FeatureStore", Registry(views=views, service=service, **changes))


def refused(complaint: str, registry: FeatureStore, deployment: Deployment | None = None) -> None:
    with pytest.raises(PlanError, match=complaint):
        compile_plan(registry, deployment or fraud(), doubled)


def test_a_plan_names_keys_fields_types_defaults_and_the_order_of_the_model() -> None:
    plan = compile_plan(store(view()), fraud(), doubled)
    (group,) = plan["groups"]
    assert (plan["format"], plan["project"], plan["key_version"]) == (1, "sluice", 3)
    assert group["join_keys"] == [{"name": "card_id", "type": "int64"}]
    limit = {"name": "limit", "field": field_hash("cards", "limit"), "type": "double", "default": None}
    spent = {"name": "spent", "field": field_hash("cards", "spent"), "type": "double", "default": 0.0}
    assert group["views"] == [{"name": "cards", "ttl_seconds": 7776000, "features": [limit, spent]}]
    assert plan["features"] == ["amount", "twice", "spent"]
    assert plan["transform"]["module"] == "models.fraud.transform"


def test_views_of_one_entity_share_a_group_and_a_pair_of_entities_has_its_own_keys_sorted() -> None:
    views = [
        view("b", fields={"spent": Float64}),
        view("a", fields={"limit": Float64}),
        view("pair", fields={"both": Float64}, entities=[STORE, CARD]),
    ]
    plan = compile_plan(store(*views), fraud(defaults={"spent": 0.0, "both": 0.0}), doubled)
    groups = {tuple(key["name"] for key in group["join_keys"]): group["views"] for group in plan["groups"]}
    assert {keys: [entry["name"] for entry in entries] for keys, entries in groups.items()} == {
        ("card_id",): ["a", "b"],
        ("card_id", "store_id"): ["pair"],
    }


def test_a_field_is_named_as_feast_names_it() -> None:
    assert field_hash("card_history", "card_amount_1d") == _mmh3("card_history:card_amount_1d").hex() == "1d77f6b2"


def test_an_unlimited_view_has_no_limit() -> None:
    plan = compile_plan(store(view(ttl=timedelta(0))), fraud(), doubled)
    assert plan["groups"][0]["views"][0]["ttl_seconds"] == 0


def test_definitions_that_the_byte_reader_cannot_honour_are_refused() -> None:
    refused("entity_key_serialization_version is 2", store(view(), key_version=2))
    refused("cards is not a stored feature view", store(projected=[view()]))
    refused("cards is not kept online", store(view(online=False)))
    refused("aliased", store(view(), projected=[view().with_name("other")]))
    refused("aliased", store(view(), projected=[view().with_join_key_map({"card_id": "payer"})]))
    refused("not whole seconds", store(view(ttl=timedelta(seconds=1, microseconds=5))))
    untyped = Entity(name="card_id", join_keys=["card_id"], value_type=ValueType.UNKNOWN)
    refused("card_id of type DOUBLE cannot be a key", store(view(entities=[untyped], keys={"card_id": Float64})))
    refused("spent of type STRING cannot be decoded", store(view(fields={"spent": String, "limit": Float64})))
    refused("spent of type DOUBLE_LIST", store(view(fields={"spent": Array(Float64), "limit": Float64})))


def test_two_features_that_redis_could_not_tell_apart_are_refused() -> None:
    first, second = COLLISION
    colliding = view("v", fields={first: Float64, second: Float64})
    refused("have the same field", store(colliding), fraud(defaults={first: 0.0, second: 0.0}, refuse=()))


def test_names_that_do_not_fit_together_are_refused() -> None:
    training = fraud().training
    refused("limit has no default and is not refused without", store(view()), fraud(refuse=()))
    refused("gone declared, but no view stores it", store(view()), fraud(defaults={"spent": 0.0, "gone": 0.0}))
    refused("spent named more than once", store(view(), view("again", fields={"spent": Float64})))
    refused("amount named more than once", store(view(fields={"amount": Float64, "limit": Float64})),
            fraud(defaults={"amount": 0.0}))  # fmt: skip
    refused("height wanted by the model", store(view()), fraud(training=replace(training, features=("height",))))
