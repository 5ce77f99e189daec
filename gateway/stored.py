"""The stored features of a list of rows, as the line hands them on: values, statuses, and what those mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.call import FeatureStatus
from gateway.features.plan import Plan
from gateway.features.reader import FeatureBlock, FeatureReader
from gateway.intake import Row
from gateway.meters import Meters

FRESH = int(FeatureStatus.FRESH)  # numpy takes microseconds to see the number in an enum
DEGRADING = (FeatureStatus.STALE, FeatureStatus.LATE, FeatureStatus.BROKEN)


@dataclass(frozen=True, slots=True)
class Stored:
    """Values float64 and statuses uint8, both of shape (rows, stored features); `seconds` is what the read took.

    `fresh` is true when no feature of any row is otherwise, which is the common case and costs one comparison.
    """

    plan: Plan
    values: NDArray[np.float64]
    statuses: NDArray[np.uint8]
    seconds: float
    fresh: bool

    def take(self, indices: Sequence[int]) -> "Stored":
        """Return the same for some of the rows."""
        if len(indices) == len(self.values):
            return self
        return Stored(self.plan, self.values[indices], self.statuses[indices], self.seconds, self.fresh)

    def not_fresh(self, row: int) -> dict[str, FeatureStatus]:
        """Return the features of one row that were not fresh, by name."""
        if self.fresh:
            return {}
        names, statuses = self.plan.stored, self.statuses[row]
        return {names[at].name: FeatureStatus(int(statuses[at])) for at in np.flatnonzero(statuses != FRESH)}

    def unreadable(self) -> dict[int, list[str]]:
        """Return, by row, the features that may not be defaulted and were not fresh."""
        if self.fresh:
            return {}
        needed = [at for at, feature in enumerate(self.plan.stored) if feature.default is None]
        missing = self.statuses[:, needed] != FRESH
        return {
            int(row): [self.plan.stored[needed[at]].name for at in np.flatnonzero(missing[row])]
            for row in np.flatnonzero(missing.any(axis=1))
        }


def reasons_of(statuses: dict[str, FeatureStatus]) -> tuple[str, ...]:
    """Say why an answer is degraded. Null and missing are no degradation: a new card is simply new."""
    if not statuses:
        return ()
    found = set(statuses.values())
    return tuple(f"features_{status.name.lower()}" for status in DEGRADING if status in found)


class StoredReader:
    """Reads the stored features of rows for any plan of one deployment.

    `keys_of` is the plan that the intake made the rows' keys for. `timeout` is the feature store's share of the
    budget, in seconds; `event_now` reads the deployment's clock, `clock` the worker's monotonic one.
    """

    def __init__(
        self,
        reader: FeatureReader,
        keys_of: Plan,
        timeout: float,
        meters: Meters,
        clock: Callable[[], float],
        event_now: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._keys_of = keys_of
        self._timeout = timeout
        self._meters = meters
        self._clock = clock
        self._event_now = event_now

    async def read(self, plan: Plan, rows: Sequence[Row]) -> Stored:
        """Never raises for trouble of the store: what could not be read in time is late, and has its default."""
        began = self._clock()
        if plan.groups == self._keys_of.groups:
            keys = [row.keys for row in rows]
        else:
            keys = [plan.row_keys(row.call.entities) for row in rows]
        block = await self._reader.read(plan, keys, self._event_now(), self._timeout)
        _override(plan, rows, block)
        stored = Stored(
            plan,
            block.values,
            block.statuses,
            self._clock() - began,
            bool((block.statuses == FRESH).all()),
        )
        self._meters.features.observe(stored.seconds)
        if not stored.fresh:
            self._meters.count_statuses(stored.statuses)
        return stored


def _override(plan: Plan, rows: Sequence[Row], block: FeatureBlock) -> None:
    """Put the callers' own values over what was read; they count as fresh."""
    if not any(row.overrides for row in rows):
        return
    places = {feature.name: at for at, feature in enumerate(plan.stored)}
    for index, row in enumerate(rows):
        for name, value in (row.overrides or {}).items():
            if name in places:
                block.values[index, places[name]] = value
                block.statuses[index, places[name]] = FRESH
