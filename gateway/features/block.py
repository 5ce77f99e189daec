"""The stored features of a list of rows: values ready for the model, and what was not fresh about which row.

`conclude` is the one place where staleness and defaults are decided, for the real reader and the fake alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.call import FeatureStatus
from gateway.features.feast_values import decode_stamp
from gateway.features.plan import Plan
from gateway.features.row_status import RowStatus

_FRESH = int(FeatureStatus.FRESH)  # numpy takes 3 us to see a number in an enum


@dataclass(frozen=True, slots=True, eq=False)
class FeatureBlock:
    """What a reader answers: rows in the order asked, columns in the order of `plan.stored`.

    The arrays and `odd` are the caller's to change. What the properties return is made anew each time, for those who
    look at whole blocks; the line looks at `odd`.
    """

    plan: Plan
    values: NDArray[np.float64]
    """(rows, stored): always finite. What is neither fresh nor last known shows its default, or 0 where it has none."""
    stamps: Sequence[bytes | None]
    """Event times as Feast stored them; row by row, one for each of `plan.views`."""
    event_now: float
    odd: dict[int, RowStatus]
    """The rows in which not every feature is fresh."""
    outcomes: "KeyOutcomes | None" = None
    """What became of the distinct keys; None where no view tolerates anything, for then all are simply read."""
    beside: Mapping[bytes, bytes | None] = field(default_factory=dict)
    """Of the values that were asked for beside the features: what lies under each key; see `beside.Values`."""

    @property
    def fresh(self) -> bool:
        """Every feature of every row is fresh."""
        return not self.odd

    @property
    def statuses(self) -> NDArray[np.uint8]:
        """(rows, stored) of `FeatureStatus`."""
        statuses = np.full(self.values.shape, _FRESH, np.uint8)
        for row, status in self.odd.items():
            statuses[row] = np.frombuffer(status.codes, np.uint8)
        return statuses

    @property
    def ages(self) -> NDArray[np.float64]:
        """(rows, views): seconds from the event time to now, NaN where it is not known."""
        ages = self.event_now - _times(self.stamps, len(self.values), len(self.plan.views))
        ages[np.isinf(ages)] = np.nan
        return ages

    @property
    def refused(self) -> NDArray[np.bool_]:
        """(rows,): some feature that has no default is not fresh, so this row may not be scored."""
        return np.array([row in self.odd and bool(self.odd[row].unreadable) for row in range(len(self.values))], bool)


class KeyOutcomes(NamedTuple):
    """How many distinct entity keys of a list ended in which way; the names are those of the metric's label."""

    hit: int
    """From memory, young enough not to be asked for."""
    read: int
    last_known: int
    """From memory, because the store did not answer in time."""
    late: int
    """Not read in time, and nothing of it was remembered."""
    skipped: int
    """Not asked for, because the time would not have sufficed, and nothing of it was remembered."""


class Draft(NamedTuple):
    """What came from the store, before it is judged."""

    values: NDArray[np.float64]
    statuses: NDArray[np.uint8] | None
    """None: every value was there and of its type, so that only age and NaN are left to judge."""
    stamps: list[bytes | None]
    """As in a `FeatureBlock`."""

    def put_stamps(self, row: int, views: slice, stamps: Sequence[bytes | None]) -> None:
        """Set the stamps of some views (neighbours) of one row."""
        first = row * (len(self.stamps) // len(self.values))
        self.stamps[first + views.start : first + views.stop] = stamps


def empty_draft(rows: int, stored: int, views: int, status: FeatureStatus) -> Draft:
    """A draft in which everything is 0, has one status, and no event time."""
    return Draft(np.zeros((rows, stored)), np.full((rows, stored), status, np.uint8), [None] * (rows * views))


def conclude(plan: Plan, found: Draft, event_now: float) -> FeatureBlock:
    """Judge a draft, in place.

    A value is stale when it is older than its view's limit (exactly the limit is fresh), and when the view has a limit
    but the event time is missing or unreadable: what cannot prove its age is old. A number that is not finite is
    broken. Null, missing, broken and late stay what they are.
    """
    finite = np.isfinite(found.values)
    if found.statuses is None and np.count_nonzero(finite) == finite.size:
        odd = _stale_rows(plan, found, event_now)
    else:
        odd = _odd_rows(plan, found, finite, event_now)
    return FeatureBlock(plan, found.values, found.stamps, event_now, odd)


def _stale_rows(plan: Plan, found: Draft, event_now: float) -> dict[int, RowStatus]:
    """Judge the ages alone, without numpy: most lists are short, and most of their rows are fresh."""
    views, stale = len(plan.views), dict[int, tuple[int, ...]]()
    for view, limit in plan.limited:
        for row, stamp in enumerate(found.stamps[view::views]):
            if event_now - decode_stamp(stamp) > limit:
                stale[row] = (*stale.get(row, ()), view)
    for row, old in stale.items():
        for view in old:
            columns = plan.view_columns[view]
            found.values[row, columns] = plan.defaults[columns]
    return {row: plan.row_statuses.stale(old) for row, old in stale.items()}


def _times(stamps: Sequence[bytes | None], rows: int, views: int) -> NDArray[np.float64]:
    """(rows, views): event times in unix seconds."""
    return np.array([decode_stamp(stamp) for stamp in stamps]).reshape(rows, views)


def _odd_rows(plan: Plan, found: Draft, finite: NDArray[np.bool_], event_now: float) -> dict[int, RowStatus]:
    rows, width = found.values.shape
    statuses = np.full((rows, width), _FRESH, np.uint8) if found.statuses is None else found.statuses
    old = event_now - _times(found.stamps, rows, len(plan.views)) > plan.limits
    statuses[~finite] = FeatureStatus.BROKEN
    statuses[(statuses == _FRESH) & old[:, plan.view_of]] = FeatureStatus.STALE
    np.copyto(found.values, plan.defaults, where=statuses != _FRESH)
    codes, fresh = statuses.tobytes(), bytes([_FRESH]) * width
    parts = [codes[row * width : (row + 1) * width] for row in range(rows)]
    return {row: plan.row_statuses.of(part) for row, part in enumerate(parts) if part != fresh}
