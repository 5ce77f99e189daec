"""The stored features of a list of rows, as the line hands them on: values, and what was not fresh."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.call import FeatureStatus
from gateway.errors import FeaturesMissing, FeaturesUnavailable, GatewayError
from gateway.features.block import FeatureBlock
from gateway.features.plan import Plan
from gateway.features.reader import FeatureReader
from gateway.intake import Row
from gateway.meters import Meters

FRESH = int(FeatureStatus.FRESH)
ABSENT = (FeatureStatus.NULL, FeatureStatus.MISSING)
DEGRADING = (FeatureStatus.STALE, FeatureStatus.LATE, FeatureStatus.BROKEN)
# By number: an enum's own call costs a microsecond a feature.
STATUS = {int(status): status for status in FeatureStatus}

Cells = list[tuple[int, FeatureStatus]]
"""The features of one row that were not fresh: column and status."""


@dataclass(frozen=True, slots=True)
class Stored:
    """`values` is float64 (rows, stored features), defaults in place; `odd` names the rows in which not all was fresh.

    `seconds` is what the read took.
    """

    plan: Plan
    values: NDArray[np.float64]
    odd: Mapping[int, Cells]
    seconds: float

    def take(self, indices: Sequence[int]) -> "Stored":
        """Return the same for some of the rows."""
        odd = {new: self.odd[old] for new, old in enumerate(indices) if old in self.odd} if self.odd else self.odd
        return Stored(self.plan, self.values[indices], odd, self.seconds)

    def not_fresh(self, row: int) -> dict[str, FeatureStatus]:
        """Return the features of one row that were not fresh, by name."""
        cells = self.odd.get(row)
        if cells is None:
            return {}
        features = self.plan.stored
        return {features[column].name: status for column, status in cells}

    def unreadable(self) -> dict[int, dict[str, FeatureStatus]]:
        """Return, by row, the features that may not be defaulted and were not fresh, with their status."""
        features, found = self.plan.stored, {}
        for row, cells in self.odd.items():
            names = {features[column].name: status for column, status in cells if features[column].default is None}
            if names:
                found[row] = names
        return found


def refusal_of(unreadable: Mapping[str, FeatureStatus]) -> GatewayError:
    """Say why a row cannot be scored: what was never stored will not come by itself, everything else may."""
    names = ", ".join(unreadable)
    if all(status in ABSENT for status in unreadable.values()):
        return FeaturesMissing(f"nothing is stored for {names}, and there is no default: send it with the call")
    return FeaturesUnavailable(f"no fresh value of {names}, and there is no default: try again")


def reasons_of(statuses: Mapping[str, FeatureStatus]) -> tuple[str, ...]:
    """Say why an answer is degraded. Null and missing are no degradation: a new card is simply new."""
    if not statuses:
        return ()
    found = set(statuses.values())
    return tuple([f"features_{status.name.lower()}" for status in DEGRADING if status in found])


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
        if plan is self._keys_of or plan.groups == self._keys_of.groups:
            keys = [row.keys for row in rows]
        else:
            keys = [plan.row_keys(row.call.entities) for row in rows]
        block = await self._reader.read(plan, keys, self._event_now(), self._timeout)
        _override(plan, rows, block)
        stored = Stored(plan, block.values, _odd_rows(block.statuses), self._clock() - began)
        self._meters.features.observe(stored.seconds)
        for cells in stored.odd.values():
            self._meters.count_not_fresh(cells)
        return stored


def _override(plan: Plan, rows: Sequence[Row], block: FeatureBlock) -> None:
    """Put the callers' own values over what was read; they count as fresh."""
    if all(row.overrides is None for row in rows):
        return
    places = {feature.name: at for at, feature in enumerate(plan.stored)}
    for index, row in enumerate(rows):
        for name, value in (row.overrides or {}).items():
            if name in places:
                block.values[index, places[name]] = value
                block.statuses[index, places[name]] = FRESH


def _odd_rows(statuses: NDArray[np.uint8]) -> dict[int, Cells]:
    """Find what was not fresh, by comparing bytes: most rows are wholly fresh, and numpy costs more than they do."""
    rows, width = statuses.shape
    found, fresh = statuses.tobytes(), bytes([FRESH]) * width
    if found == fresh * rows:
        return {}
    parts = [(row, found[row * width : (row + 1) * width]) for row in range(rows)]
    return {
        row: [(column, STATUS[status]) for column, status in enumerate(part) if status != FRESH]
        for row, part in parts
        if part != fresh
    }
