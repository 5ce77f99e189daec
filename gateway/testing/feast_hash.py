"""Writes rows the way Feast does, without Feast: for tests and trials that need features in a real Redis."""

from collections.abc import Mapping
from itertools import chain

import redis

from gateway.features.keys import KeyValue
from gateway.features.plan import Plan
from gateway.testing.feast_bytes import StoredValue, encode_stamp, encode_value


class FeastHash:
    """The same `put` and `remove` as FixedFeatures, into the Redis hashes that a plan's keys name."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def put(
        self, plan: Plan, entities: Mapping[str, KeyValue], values: Mapping[str, StoredValue], event_time: float | None
    ) -> None:
        """Store features of a row by name; others stay as they are. Without an event time the age is unknown."""
        for group, key in zip(plan.groups, plan.row_keys(entities), strict=True):
            for view in group.views:
                fields = {
                    feature.field: encode_value(feature.type, values[feature.name])
                    for feature in view.features
                    if feature.name in values
                }
                if fields and event_time is not None:
                    fields[view.stamp_field] = encode_stamp(event_time)
                if fields:
                    words = chain.from_iterable(fields.items())
                    self._client.execute_command("HSET", key, *words)  # type: ignore[no-untyped-call]  # redis-py's

    def remove(self, plan: Plan, entities: Mapping[str, KeyValue]) -> None:
        """Store nothing of a row any more."""
        self._client.delete(*plan.row_keys(entities))
