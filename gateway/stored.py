"""The stored features of a list of rows, as the line hands them on: values, and what was not fresh."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.call import FeatureStatus
from gateway.errors import FeaturesMissing, FeaturesUnavailable, GatewayError
from gateway.features.beside import NO_VALUES, Values
from gateway.features.block import FeatureBlock
from gateway.features.plan import Plan
from gateway.features.reader import FeatureReader
from gateway.features.row_status import RowStatus
from gateway.features.tolerance import Tolerance, tolerance_of
from gateway.features.view_rule import ViewRule
from gateway.intake import Row
from gateway.meters import Meters

NO_RULES: Mapping[str, ViewRule] = {}
ABSENT = (FeatureStatus.NULL, FeatureStatus.MISSING)


@dataclass(frozen=True, slots=True)
class Stored:
    """`values` is float64 (rows, stored features), defaults in place; `odd` names the rows in which not all was fresh.

    `seconds` is what the read took, `event_now` what the deployment's clock said.
    """

    plan: Plan
    values: NDArray[np.float64]
    odd: Mapping[int, RowStatus]
    seconds: float
    event_now: float
    stamps: Sequence[bytes | None]
    """Event times as Feast stored them: one for each view, of all the rows that were read together."""
    places: Sequence[int]
    """Where these rows stand among those that were read together."""
    beside: Values
    """The values that were read beside the features of all of them."""

    def take(self, indices: Sequence[int]) -> "Stored":
        """Return the same for some of the rows."""
        odd = {new: self.odd[old] for new, old in enumerate(indices) if old in self.odd} if self.odd else self.odd
        places = [self.places[at] for at in indices]
        values = self.values[indices]
        return Stored(self.plan, values, odd, self.seconds, self.event_now, self.stamps, places, self.beside)

    def stamps_of(self, indices: Iterable[int]) -> list[bytes | None]:
        """Return the event times of some of the rows, one after the other."""
        views, places = len(self.plan.views), self.places
        return [stamp for at in indices for stamp in self.stamps[places[at] * views : (places[at] + 1) * views]]

    def unreadable(self) -> dict[int, Mapping[str, FeatureStatus]]:
        """Return, by row, the features that may not be defaulted and were not fresh, with their status."""
        return {row: status.unreadable for row, status in self.odd.items() if status.unreadable}


def refusal_of(unreadable: Mapping[str, FeatureStatus]) -> GatewayError:
    """Say why a row cannot be scored: what was never stored will not come by itself, everything else may."""
    names = ", ".join(unreadable)
    if all(status in ABSENT for status in unreadable.values()):
        return FeaturesMissing(f"nothing is stored for {names}, and there is no default: send it with the call")
    return FeaturesUnavailable(f"no fresh value of {names}, and there is no default: try again")


class StoredReader:
    """Reads the stored features of rows for any plan of one deployment.

    `keys_of` is the plan that the intake made the rows' keys for. `event_now` reads the deployment's clock, `clock` the
    worker's monotonic one; `views` are the deployment's rules, by name of the view.
    """

    def __init__(
        self,
        reader: FeatureReader,
        keys_of: Plan,
        meters: Meters,
        clock: Callable[[], float],
        event_now: Callable[[], float],
        views: Mapping[str, ViewRule] = NO_RULES,
    ) -> None:
        self._reader = reader
        self._keys_of = keys_of
        self._meters = meters
        self._clock = clock
        self._event_now = event_now
        self._views = views
        self._tolerances: dict[int, tuple[Plan, Tolerance | None]] = {}

    async def read(
        self,
        plan: Plan,
        rows: Sequence[Row],
        timeout: float,  # noqa: ASYNC109  # as FeatureReader
        beside: Sequence[bytes] = (),
    ) -> Stored:
        """Never raises for trouble of the store: what could not be read in time is late, and has its default.

        Values under the keys `beside` come in the same write.
        """
        began = self._clock()
        if plan is self._keys_of or plan.groups == self._keys_of.groups:
            keys = [row.keys for row in rows]
        else:
            keys = [plan.row_keys(row.call.entities) for row in rows]
        if self._views or beside:
            tolerance = self._tolerance_of(plan) if self._views else None
            distinct = tuple(dict.fromkeys(beside))
            block = await self._reader.read(plan, keys, self._event_now(), timeout, tolerance, distinct)
        else:
            block = await self._reader.read(plan, keys, self._event_now(), timeout)
        _override(plan, rows, block)
        took = self._clock() - began
        places = range(len(rows))
        stored = Stored(plan, block.values, block.odd, took, block.event_now, block.stamps, places, block.beside)
        self._meters.features.observe(stored.seconds)
        if stored.odd:
            for status, times in Counter(stored.odd.values()).items():
                self._meters.count_not_fresh(status.cells, times)
        if block.outcomes is not None:
            self._meters.count_keys(block.outcomes)
        return stored

    def unread(self, plan: Plan, rows: Sequence[Row]) -> Stored:
        """Return what is known of rows whose callers sent the model's whole input: no value, and nothing was read."""
        values = np.full((len(rows), len(plan.stored)), np.nan)
        stamps = [None] * (len(rows) * len(plan.views))
        return Stored(plan, values, {}, 0.0, self._event_now(), stamps, range(len(rows)), NO_VALUES)

    def _tolerance_of(self, plan: Plan) -> Tolerance | None:
        known = self._tolerances.get(id(plan))
        if (
            known is None
        ):  # by identity, for to hash a plan is to walk all of it; kept with it, or the id may come again
            known = self._tolerances[id(plan)] = plan, tolerance_of(plan, self._views)
        return known[1]


def _override(plan: Plan, rows: Sequence[Row], block: FeatureBlock) -> None:
    """Put the callers' own values over what was read; they count as fresh."""
    for index, row in enumerate(rows):
        if row.overrides is not None:
            _override_row(plan, row.overrides, block, index)


def _override_row(plan: Plan, overrides: Mapping[str, float], block: FeatureBlock, index: int) -> None:
    status = block.odd.pop(index, None)
    codes = bytearray(b"" if status is None else status.codes)
    for column, feature in enumerate(plan.stored):
        if feature.name in overrides:
            block.values[index, column] = overrides[feature.name]
            codes[column : column + 1] = bytes([FeatureStatus.FRESH]) if codes else b""
    if any(code != FeatureStatus.FRESH for code in codes):
        block.odd[index] = plan.row_statuses.of(bytes(codes))
