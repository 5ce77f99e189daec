"""A feature store in memory: keeps the promises of the Redis reader, and can be told to be away or late."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gateway.call import FeatureStatus
from gateway.features.block import FeatureBlock, conclude, empty_draft
from gateway.features.keys import KeyValue
from gateway.features.plan import Plan
from gateway.testing.feast_bytes import StoredValue, encode_stamp


class FixedFeatures:
    """A FeatureReader over what `put` was told. Nothing is there at first."""

    def __init__(self) -> None:
        self.away = False
        """While true, everything is late."""
        self.late_keys: set[bytes] = set()
        """Redis keys (from `plan.row_keys`) that do not answer in time."""
        self._values: dict[tuple[bytes, bytes], StoredValue] = {}
        self._stamps: dict[tuple[bytes, bytes], bytes] = {}

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
                            self._stamps[key, view.stamp_field] = encode_stamp(event_time)

    async def read(
        self,
        plan: Plan,
        keys: Sequence[tuple[bytes, ...]],
        event_now: float,
        timeout: float,  # noqa: ASYNC109  # as FeatureReader
    ) -> FeatureBlock:
        """Read a list of rows; see FeatureReader."""
        found = empty_draft(len(keys), len(plan.stored), len(plan.views), FeatureStatus.LATE)
        statuses = np.full(found.values.shape, FeatureStatus.LATE, np.uint8)
        for row, row_keys in enumerate(keys):
            for group, key, (columns, views) in zip(plan.groups, row_keys, plan.spans, strict=True):
                if not (self.away or timeout <= 0 or key in self.late_keys):
                    found.put_stamps(row, views, [self._stamps.get((key, view.stamp_field)) for view in group.views])
                    features = [feature for view in group.views for feature in view.features]
                    read = [self._one(key, feature.field) for feature in features]
                    found.values[row, columns], statuses[row, columns] = zip(*read, strict=True)
        return conclude(plan, found._replace(statuses=statuses), event_now)

    def _one(self, key: bytes, field: bytes) -> tuple[float, FeatureStatus]:
        if (key, field) not in self._values:
            return 0.0, FeatureStatus.MISSING
        value = self._values[key, field]
        if value is None:
            return 0.0, FeatureStatus.NULL
        if isinstance(value, str):
            return math.nan, FeatureStatus.BROKEN
        return float(value), FeatureStatus.FRESH
