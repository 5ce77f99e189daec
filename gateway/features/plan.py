"""The plan: which stored features a bundle needs and where they lie in Redis, read from `plan.json`.

It is compiled with the Feast SDK, off the request path, and is covered by the bundle's digest. Everything that this
reader does not understand to the letter is refused when the plan is loaded; nothing is left to be guessed per request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.features.feast_values import TAGS
from gateway.features.keys import ENTITYLESS, KEY_TYPES, JoinKey, KeyEncoder, KeyValue, key_encoder, key_frame
from gateway.features.layout import Feature, Layout, Run, View, runs_of
from gateway.features.plan_node import Node, PlanError, distinct, read_document
from gateway.features.row_status import RowStatuses

__all__ = ["Feature", "Group", "JoinKey", "Plan", "PlanError", "RequestFeature", "Transform", "View", "load_plan"]

FORMAT: Final = 1
KEY_VERSION: Final = 3
FEATURE_TYPES: Final = frozenset(TAGS)


@dataclass(frozen=True, slots=True)
class Group:
    """The views that share an entity: one Redis hash and one HMGET per entity key. Join keys are sorted by name."""

    join_keys: tuple[JoinKey, ...]
    views: tuple[View, ...]
    layout: Layout = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layout", Layout(self.views))


@dataclass(frozen=True, slots=True)
class RequestFeature:
    """A feature that comes with the call: its type, whether it must, and its limits (inclusive)."""

    name: str
    type: str
    required: bool
    min: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True)
class Transform:
    """The reviewed module that derives features at request time, and the digest of its file."""

    module: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read for a row, and the model's inputs in order. Checked when loaded, not when made."""

    project: str
    groups: tuple[Group, ...]
    request: tuple[RequestFeature, ...]
    transform: Transform | None
    features: tuple[str, ...]

    views: tuple[View, ...] = field(init=False, repr=False, compare=False)
    stored: tuple[Feature, ...] = field(init=False, repr=False, compare=False)
    """Every stored feature, in the order of groups, views and features: the columns of a `FeatureBlock`."""
    entities: tuple[JoinKey, ...] = field(init=False, repr=False, compare=False)
    """The entity ids that a call must carry, each once."""
    spans: tuple[tuple[slice, slice], ...] = field(init=False, repr=False, compare=False)
    """Per group, its columns in `stored` and in `views`."""
    runs: tuple[Run, ...] = field(init=False, repr=False, compare=False)
    """The stored features by type, over all groups."""
    stamps_at: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """Per group, the place in its reply from which event times follow."""
    view_of: NDArray[np.intp] = field(init=False, repr=False, compare=False)
    limits: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    """Per view, the greatest age in seconds that is fresh; infinity for none."""
    defaults: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    limited: tuple[tuple[int, float], ...] = field(init=False, repr=False, compare=False)
    """The views that have a limit, by number, with it."""
    view_columns: tuple[slice, ...] = field(init=False, repr=False, compare=False)
    """Per view, its columns in `stored`."""
    row_statuses: RowStatuses = field(init=False, repr=False, compare=False)
    _encoders: tuple[KeyEncoder, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        views = tuple(view for group in self.groups for view in group.views)
        stored = tuple(feature for view in views for feature in view.features)
        keys = {key.name: key for group in self.groups for key in group.join_keys if key.name != ENTITYLESS}
        put = object.__setattr__
        put(self, "views", views)
        put(self, "stored", stored)
        put(self, "entities", tuple(keys.values()))
        put(self, "spans", _spans(self.groups))
        put(self, "runs", runs_of([group.layout for group in self.groups]))
        put(self, "stamps_at", tuple(group.layout.features for group in self.groups))
        put(self, "view_of", np.array([at for at, view in enumerate(views) for _ in view.features], np.intp))
        put(self, "limits", np.array([view.ttl_seconds or np.inf for view in views]))
        put(self, "defaults", np.array([feature.default or 0.0 for feature in stored]))
        put(self, "limited", tuple((at, view.ttl_seconds) for at, view in enumerate(views) if view.ttl_seconds))
        put(self, "view_columns", _view_columns(views))
        put(self, "row_statuses", RowStatuses(stored, views))
        put(self, "_encoders", tuple(key_encoder(self.project, group.join_keys) for group in self.groups))

    def row_keys(self, entities: Mapping[str, KeyValue]) -> tuple[bytes, ...]:
        """A row's Redis keys, one per group. Raises EntityError, which names the entity that is missing or mistyped."""
        return tuple([encode(entities) for encode in self._encoders])

    def key_frames(self) -> list[tuple[bytes, bytes]]:
        """Return for each group how its Redis keys begin and end."""
        return [key_frame(self.project, group.join_keys) for group in self.groups]


def _spans(groups: tuple[Group, ...]) -> tuple[tuple[slice, slice], ...]:
    spans = []
    column = view = 0
    for group in groups:
        spans.append((slice(column, column + group.layout.features), slice(view, view + len(group.views))))
        column, view = column + group.layout.features, view + len(group.views)
    return tuple(spans)


def _view_columns(views: tuple[View, ...]) -> tuple[slice, ...]:
    ends = list(accumulate(len(view.features) for view in views))
    return tuple(slice(end - len(view.features), end) for view, end in zip(views, ends, strict=True))


def load_plan(path: Path) -> Plan:
    """Read and check a plan. Raises PlanError, one line that names the place, for anything that is not understood."""
    document = read_document(path)
    document.exactly("format", FORMAT)
    document.exactly("key_version", KEY_VERSION)
    transform = document.node("transform")
    plan = Plan(
        project=document.text("project"),
        groups=tuple(_group(node) for node in document.nodes("groups")),
        request=tuple(_request_feature(node) for node in document.nodes("request")),
        transform=None if transform is None else _transform(transform),
        features=document.texts("features"),
    )
    _check_names(plan, path.name)
    return plan


def _group(node: Node) -> Group:
    join_keys = tuple(JoinKey(key.text("name"), key.choice("type", KEY_TYPES)) for key in node.nodes("join_keys"))
    names = distinct([key.name for key in join_keys], f"{node.place}.join_keys")
    if not names or names != sorted(names):
        raise node.refusal("join_keys", f"expected at least one, sorted by name, got {names}")
    views = tuple(_view(view) for view in node.nodes("views"))
    if not views or not all(view.features for view in views):
        raise node.refusal("views", "expected at least one, each with a feature")
    # A 32-bit hash names the field: two features that share it would overwrite each other in silence.
    distinct([feature.field for view in views for feature in view.features], f"{node.place}: field")
    return Group(join_keys, views)


def _view(node: Node) -> View:
    ttl = node.number("ttl_seconds")
    if ttl < 0:
        raise node.refusal("ttl_seconds", f"expected 0 or more, got {ttl:g}")
    return View(node.text("name"), ttl, tuple(_feature(feature) for feature in node.nodes("features")))


def _feature(node: Node) -> Feature:
    kind = node.choice("type", FEATURE_TYPES)
    return Feature(node.text("name"), node.digest("field", 4), kind, node.number_or_none("default"))


def _request_feature(node: Node) -> RequestFeature:
    feature = RequestFeature(
        node.text("name"),
        node.choice("type", FEATURE_TYPES),
        node.flag("required"),
        node.number_or_none("min", absent=None),
        node.number_or_none("max", absent=None),
    )
    if not feature.required and feature.type != "unix_timestamp":
        raise node.refusal("required", "only a unix_timestamp may be left out: the clock stands in for it")
    if feature.min is not None and feature.max is not None and feature.min > feature.max:
        raise node.refusal("min", f"{feature.min:g} is above max {feature.max:g}")
    return feature


def _transform(node: Node) -> Transform:
    return Transform(node.text("module"), node.digest("sha256", 32).hex())


def _check_names(plan: Plan, place: str) -> None:
    stored = [feature.name for feature in plan.stored]
    request = [feature.name for feature in plan.request]
    distinct(stored + request, f"{place}: feature")
    distinct([view.name for view in plan.views], f"{place}: view")
    distinct([",".join(key.name for key in group.join_keys) for group in plan.groups], f"{place}: group")
    for key in (key for group in plan.groups for key in group.join_keys):
        if key not in plan.entities and key.name != ENTITYLESS:
            raise PlanError(f"{place}: entity {key.name} has two types")
    given = {*stored, *request, *(key.name for key in plan.entities), "time"}
    nowhere = [name for name in plan.features if name not in given]
    if nowhere and plan.transform is None:
        raise PlanError(f"{place}: nothing provides {nowhere[0]}: neither stored nor sent, and there is no transform")
