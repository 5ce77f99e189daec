"""A feature store in memory: keeps the promises of the Redis reader, and can be told to be away or late."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import inf

from gateway.features.beside import Values
from gateway.features.block import FeatureBlock
from gateway.features.decode import Reply
from gateway.features.keys import KeyValue
from gateway.features.layout import Layout
from gateway.features.list_read import ListRead
from gateway.features.memory import MemoryLimits
from gateway.features.plan import Plan
from gateway.features.recollection import Recollection
from gateway.features.tolerance import Tolerance
from gateway.testing.feast_bytes import StoredValue, encode_stamp, encode_value


class FixedFeatures:
    """A FeatureReader over what `put` was told. Nothing is there at first. `clock` is the worker's monotonic one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, memory: MemoryLimits | None = None) -> None:
        self.away = False
        """While true, everything is late."""
        self.late_keys: set[bytes] = set()
        """Redis keys (from `plan.row_keys`) that do not answer in time."""
        self.asked: list[bytes] = []
        """The Redis keys that were asked for, in their order."""
        self._recollection = Recollection(memory or MemoryLimits(), clock)
        self.read_time = self._recollection.read_time
        self._fields: dict[tuple[bytes, bytes], bytes] = {}
        self._values: dict[bytes, tuple[bytes, float]] = {}
        self._clock = clock

    def put(
        self, plan: Plan, entities: Mapping[str, KeyValue], values: Mapping[str, StoredValue], event_time: float | None
    ) -> None:
        """Store features of a row by name; others stay as they are. Without an event time the age is unknown."""
        for group, key in zip(plan.groups, plan.row_keys(entities), strict=True):
            for view in group.views:
                for feature in view.features:
                    if feature.name in values:
                        self._fields[key, feature.field] = encode_value(feature.type, values[feature.name])
                        if event_time is not None:
                            self._fields[key, view.stamp_field] = encode_stamp(event_time)

    def remove(self, plan: Plan, entities: Mapping[str, KeyValue]) -> None:
        """Store nothing of a row any more."""
        gone = plan.row_keys(entities)
        self._fields = {name: value for name, value in self._fields.items() if name[0] not in gone}

    async def read(
        self,
        plan: Plan,
        keys: Sequence[tuple[bytes, ...]],
        event_now: float,
        timeout: float,  # noqa: ASYNC109  # as FeatureReader
        tolerance: Tolerance | None = None,
        beside: Sequence[bytes] = (),
    ) -> FeatureBlock:
        """Read a list of rows; see FeatureReader."""
        if tolerance is not None:
            tolerant = self._recollection.begin(plan, keys, tolerance, timeout)
            block = self._recollection.end(tolerant, self._replies(tolerant.asked, timeout), event_now)
        else:
            wanted = ListRead(plan, keys)
            block = wanted.conclude(self._replies(wanted.asked, timeout), event_now)
        away = self.away or timeout <= 0
        return replace(block, beside={} if away else {key: self.value(key) for key in beside})

    async def keep(self, values: Mapping[bytes, bytes], ttl: float, timeout: float) -> Values:  # noqa: ASYNC109  # as ValueStore
        """Keep values unless there are some; see ValueStore."""
        if self.away or timeout <= 0:
            return {}
        for key, value in values.items():
            if self.value(key) is None:
                self._values[key] = value, self._clock() + ttl
        return {key: self._values[key][0] for key in values}

    def value(self, key: bytes) -> bytes | None:
        """Return the value that lies under a key now."""
        value, until = self._values.get(key, (None, inf))
        return value if self._clock() < until else None

    async def stored_keys(self, plan: Plan, most: int) -> list[list[bytes]]:
        """Return keys that were put; see FeatureReader."""
        keys = () if self.away else dict.fromkeys(key for key, _ in self._fields)
        return [
            [key for key in keys if key.startswith(start) and key.endswith(end)][:most]
            for start, end in plan.key_frames()
        ]

    def _replies(self, asked: Sequence[tuple[Layout, Sequence[bytes]]], timeout: float) -> list[Reply]:
        self.asked += [key for _, keys in asked for key in keys]
        if self.away or timeout <= 0:
            return []
        return [None if key in self.late_keys else self._reply(layout, key) for layout, keys in asked for key in keys]

    def _reply(self, layout: Layout, key: bytes) -> Reply:
        return [self._fields.get((key, name)) for name in layout.names]
