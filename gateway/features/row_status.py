"""How the stored features of one row ended, and what that means for its answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway.call import FeatureStatus
from gateway.features.layout import Feature, View

DEGRADING = (FeatureStatus.STALE, FeatureStatus.LATE, FeatureStatus.BROKEN, FeatureStatus.LAST_KNOWN)
"""Null and missing are no degradation: a new card is simply new."""

READABLE = (FeatureStatus.FRESH, FeatureStatus.LAST_KNOWN)
"""With these the value itself is used, with all others its default."""

# By number: an enum's own call costs a microsecond a feature.
_STATUS = {int(status): status for status in FeatureStatus}
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True, eq=False)
class RowStatus:
    """The features of one row that were not fresh. `codes` holds one `FeatureStatus` for every stored feature."""

    codes: bytes
    cells: tuple[tuple[int, FeatureStatus], ...]
    """Column and status."""
    statuses: Mapping[str, FeatureStatus]
    """The same by name."""
    unreadable: Mapping[str, FeatureStatus]
    """Those of them that have neither a value nor a default: with any, the row may not be scored."""
    reasons: tuple[str, ...]
    """Why an answer made of this row is degraded."""


ALL_FRESH = RowStatus(b"", (), {}, {}, ())
"""Of a row that no `odd` names."""


class RowStatuses:
    """Every row status of one plan, each made once: few of the possible ones occur, and those again and again."""

    def __init__(self, stored: Sequence[Feature], views: Sequence[View]) -> None:
        self._stored = stored
        self._views = views
        self.of: Callable[[bytes], RowStatus] = lru_cache(_REMEMBERED)(self._of)
        """The status of a row with these codes."""
        self.stale: Callable[[tuple[int, ...]], RowStatus] = lru_cache(_REMEMBERED)(self._stale)
        """The status of a row in which these views, by number, are stale and all else is fresh."""

    def _of(self, codes: bytes) -> RowStatus:
        cells = tuple([(column, _STATUS[code]) for column, code in enumerate(codes) if code != FeatureStatus.FRESH])
        statuses = {self._stored[column].name: status for column, status in cells}
        unreadable = {
            self._stored[column].name: status
            for column, status in cells
            if self._stored[column].default is None and status not in READABLE
        }
        found = set(statuses.values())
        reasons = tuple([f"features_{status.name.lower()}" for status in DEGRADING if status in found])
        return RowStatus(codes, cells, statuses, unreadable, reasons)

    def _stale(self, views: tuple[int, ...]) -> RowStatus:
        codes = [
            FeatureStatus.STALE if number in views else FeatureStatus.FRESH
            for number, view in enumerate(self._views)
            for _ in view.features
        ]
        return self.of(bytes(codes))
