"""The stored features of a list of rows: values ready for the model, one status each, and how old each view was.

`conclude` is the one place where staleness, defaults and refusals are decided, for the real reader and the fake alike.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.call import FeatureStatus
from gateway.features.feast_values import UNKNOWN
from gateway.features.plan import Plan

_FRESH = int(FeatureStatus.FRESH)  # numpy takes 3 us to see a number in an enum


@dataclass(frozen=True, slots=True, eq=False)
class FeatureBlock:
    """What a reader answers: rows in the order asked, columns in the order of `plan.stored` and `plan.views`."""

    values: NDArray[np.float64]
    """(rows, stored): always finite. A feature that is not fresh shows its default, or 0 where it has none."""
    statuses: NDArray[np.uint8]
    """(rows, stored) of `FeatureStatus`."""
    ages: NDArray[np.float64]
    """(rows, views): seconds from the event time to now, NaN where it is not known."""
    refused: NDArray[np.bool_]
    """(rows,): some feature that has no default is not fresh, so this row may not be scored."""
    fresh: bool
    """Every feature of every row is fresh."""


class Draft(NamedTuple):
    """What came from the store, before it is judged; `stamps` are event times or `UNKNOWN`."""

    values: NDArray[np.float64]
    statuses: NDArray[np.uint8]
    stamps: NDArray[np.float64]
    whole: bool
    """Every value was there and of its type, and every event time is known: only age and NaN are left to judge."""


def empty_draft(rows: int, stored: int, views: int, status: FeatureStatus) -> Draft:
    """A draft in which everything is 0, has one status, and no age."""
    statuses = np.full((rows, stored), status, np.uint8)
    return Draft(np.zeros((rows, stored)), statuses, np.full((rows, views), UNKNOWN), whole=False)


def conclude(plan: Plan, found: Draft, event_now: float) -> FeatureBlock:
    """Judge a draft, in place.

    A value is stale when it is older than its view's limit (exactly the limit is fresh), and when the view has a limit
    but the event time is missing or unreadable: what cannot prove its age is old. A number that is not finite is
    broken. Null, missing, broken and late stay what they are.
    """
    values, statuses, ages = found.values, found.statuses, event_now - found.stamps
    finite, old = np.isfinite(values), ages > plan.limits
    if found.whole and np.count_nonzero(finite) == finite.size and not np.count_nonzero(old):
        return FeatureBlock(values, statuses, ages, np.zeros(len(values), np.bool_), fresh=True)
    statuses[~finite] = FeatureStatus.BROKEN
    statuses[(statuses == _FRESH) & old[:, plan.view_of]] = FeatureStatus.STALE
    ages[np.isinf(ages)] = np.nan
    unfit = statuses != _FRESH
    np.copyto(values, plan.defaults, where=unfit)
    return FeatureBlock(values, statuses, ages, (unfit & plan.refusing).any(axis=1), fresh=not unfit.any())
