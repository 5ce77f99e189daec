"""Owns the compiled feature plan: which bytes of Feast's Redis a bundle's features are, worked out with the SDK.

The gateway reads plans and never the registry, so everything that its byte reader cannot honour is refused here.
"""

import hashlib
import struct
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import mmh3
import numpy as np
from feast import FeatureStore, FeatureView, Field, ValueType
from feast.infra.online_stores.helpers import compute_versioned_name

from models.deployment import Deployment
from models.errors import PlanError
from models.places import MODELS
from models.recipe import Transform

FORMAT = 1
KEY_VERSION = 3
KEY_TYPES = {
    ValueType.BYTES: "bytes",
    ValueType.STRING: "string",
    ValueType.INT32: "int32",
    ValueType.INT64: "int64",
    ValueType.UNIX_TIMESTAMP: "unix_timestamp",
}
FEATURE_TYPES = {
    ValueType.DOUBLE: "double",
    ValueType.FLOAT: "float",
    ValueType.INT32: "int32",
    ValueType.INT64: "int64",
    ValueType.BOOL: "bool",
    ValueType.UNIX_TIMESTAMP: "unix_timestamp",
}


def compile_plan(store: FeatureStore, deployment: Deployment, transform: Transform) -> dict[str, Any]:
    """plan.json of a deployment, from the registry's feature service of the same name."""
    version = store.config.entity_key_serialization_version
    if version != KEY_VERSION:
        raise PlanError(f"entity_key_serialization_version is {version}, the gateway reads {KEY_VERSION}")
    views = _service_views(store, deployment.name)
    versioned = store.config.registry.enable_online_feature_view_versioning
    plan = {
        "format": FORMAT,
        "project": store.project,
        "key_version": KEY_VERSION,
        "groups": _groups(views, deployment, versioned),
        "request": [dict(entry) for entry in deployment.request],
        "transform": {
            "module": f"models.{deployment.name}.transform",
            "sha256": hashlib.sha256((MODELS / deployment.name / "transform.py").read_bytes()).hexdigest(),
        },
        "features": list(deployment.training.features),
    }
    _check_names(plan, deployment, transform)
    return plan


def _service_views(store: FeatureStore, deployment: str) -> list[FeatureView]:
    """The views that the deployment's feature service projects, refused unless they are plain stored ones."""
    plain = {view.name: view for view in store.list_feature_views()}
    views = []
    for projection in store.get_feature_service(deployment).feature_view_projections:
        view = plain.get(projection.name)
        if view is None:
            raise PlanError(f"{projection.name} is not a stored feature view: read-time views cannot be honoured")
        if not view.online or not getattr(view, "enabled", True):
            raise PlanError(f"{view.name} is not kept online")
        if projection.join_key_map or projection.name_alias:
            raise PlanError(f"{view.name} is aliased in the feature service: declare a view of its own")
        views.append(view)
    return views


def _groups(views: Sequence[FeatureView], deployment: Deployment, versioned: bool) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for view in sorted(views, key=lambda view: view.name):
        keys = [_join_key(view, column) for column in sorted(view.entity_columns, key=lambda column: column.name)]
        group = groups.setdefault(str(keys), {"join_keys": keys, "views": []})
        group["views"].append(_view(view, deployment, compute_versioned_name(view, versioned)))
    for group in groups.values():
        _check_fields(group)
    return [groups[key] for key in sorted(groups)]


def _join_key(view: FeatureView, column: Field) -> dict[str, str]:
    value_type = column.dtype.to_value_type()
    if value_type not in KEY_TYPES or column.name.startswith("__"):
        raise PlanError(f"{view.name}: {column.name} of type {value_type.name} cannot be a key")
    return {"name": column.name, "type": KEY_TYPES[value_type]}


def _view(view: FeatureView, deployment: Deployment, stored_name: str) -> dict[str, Any]:
    ttl = view.ttl or timedelta(0)
    if ttl.microseconds:
        raise PlanError(f"{view.name}: a ttl of {ttl} is not whole seconds")
    return {
        "name": stored_name,
        "ttl_seconds": int(ttl.total_seconds()),
        "features": [_feature(stored_name, field, deployment) for field in sorted(view.features, key=lambda f: f.name)],
    }


def _feature(stored_name: str, field: Field, deployment: Deployment) -> dict[str, Any]:
    value_type = field.dtype.to_value_type()
    if value_type not in FEATURE_TYPES:
        raise PlanError(f"{stored_name}: {field.name} of type {value_type.name} cannot be decoded")
    if field.name not in deployment.defaults and field.name not in deployment.refuse:
        raise PlanError(f"{deployment.name}: {field.name} has no default and is not refused without: say which")
    return {
        "name": field.name,
        "field": field_hash(stored_name, field.name),
        "type": FEATURE_TYPES[value_type],
        "default": deployment.defaults.get(field.name),
    }


def field_hash(stored_name: str, feature: str) -> str:
    """The name of a feature's field in the Redis hash of its entity, as hex."""
    return struct.pack("<I", mmh3.hash(f"{stored_name}:{feature}", signed=False)).hex()


def _check_fields(group: dict[str, Any]) -> None:
    """Two features of one entity whose names hash alike would overwrite each other without a word."""
    owners: dict[str, str] = {}
    for view in group["views"]:
        for feature in view["features"]:
            name = f"{view['name']}:{feature['name']}"
            other = owners.setdefault(feature["field"], name)
            if other != name:
                raise PlanError(f"{name} and {other} have the same field {feature['field']} in Redis: rename one")


def _check_names(plan: dict[str, Any], deployment: Deployment, transform: Transform) -> None:
    stored = [feature["name"] for group in plan["groups"] for view in group["views"] for feature in view["features"]]
    keys = {key["name"] for group in plan["groups"] for key in group["join_keys"]}
    given = [*stored, *sorted(keys), *deployment.request_names]
    given += [] if "time" in given else ["time"]
    derived = list(transform({name: np.ones(1) for name in given}))
    names = given + derived
    problems = {
        "named more than once": {name for name in names if names.count(name) > 1},
        "declared, but no view stores it": (set(deployment.defaults) | set(deployment.refuse)) - set(stored),
        "wanted by the model, but nothing gives it": set(deployment.training.features) - set(names),
    }
    for problem, found in problems.items():
        if found:
            raise PlanError(f"{deployment.name}: {', '.join(sorted(found))} {problem}")
