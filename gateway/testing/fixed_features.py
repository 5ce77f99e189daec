"""A feature store in memory: keeps the promises of the Redis reader, and can be told to be away or late."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.call import FeatureStatus
from gateway.features.block import FeatureBlock, conclude, empty_draft
from gateway.features.feast_values import UNKNOWN
from gateway.features.keys import KeyValue
from gateway.features.plan import Group, Plan

StoredValue = float | str | None
"""A number; None for a stored null; text for a value of a type that no plan wants, which is broken."""


class FixedFeatures:
    """A FeatureReader over what `put` was told. Nothing is there at first."""

    def __init__(self) -> None:
        self.away = False
        """While true, everything is late."""
        self.late_keys: set[bytes] = set()
        """Redis keys (from `plan.row_keys`) that do not answer in time."""
        self._values: dict[tuple[bytes, bytes], StoredValue] = {}
        self._stamps: dict[tuple[bytes, bytes], float] = {}

    def put(
        self, plan: Plan, entities: Mapping[str, KeyValue], values: Mapping[str, StoredValue], event_time: float | None
    ) -> None:
        """Store features of a row by name; others stay as they are. Without an event time the age is unknown."""
        for group, key in zip(plan.groups, plan.row_keys(entities), strict=True):
            for view in group.views:
                for feature in view.features:
                    if feature.name in values:
                        self._values[key, feature.field] = values[feature.name]
                        if event_time is not None:
                            self._stamps[key, view.stamp_field] = event_time

    async def read(
        self,
        plan: Plan,
        keys: Sequence[tuple[bytes, ...]],
        event_now: float,
        timeout: float,  # noqa: ASYNC109  # as FeatureReader
    ) -> FeatureBlock:
        """Read a list of rows; see FeatureReader."""
        found = empty_draft(len(keys), len(plan.stored), len(plan.views), FeatureStatus.LATE)
        for row, row_keys in enumerate(keys):
            for group, key, (columns, views) in zip(plan.groups, row_keys, plan.spans, strict=True):
                if not (self.away or timeout <= 0 or key in self.late_keys):
                    place = found.values[row, columns], found.statuses[row, columns], found.stamps[row, views]
                    self._read_group(group, key, *place)
        return conclude(plan, found, event_now)

    def _read_group(
        self,
        group: Group,
        key: bytes,
        values: NDArray[np.float64],
        statuses: NDArray[np.uint8],
        stamps: NDArray[np.float64],
    ) -> None:
        features = [feature for view in group.views for feature in view.features]
        for column, feature in enumerate(features):
            values[column], statuses[column] = self._one(key, feature.field)
        stamps[:] = [self._stamps.get((key, view.stamp_field), UNKNOWN) for view in group.views]

    def _one(self, key: bytes, field: bytes) -> tuple[float, FeatureStatus]:
        if (key, field) not in self._values:
            return 0.0, FeatureStatus.MISSING
        value = self._values[key, field]
        if value is None:
            return 0.0, FeatureStatus.NULL
        if isinstance(value, str):
            return math.nan, FeatureStatus.BROKEN
        return float(value), FeatureStatus.FRESH
