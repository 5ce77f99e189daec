from pathlib import Path

import pytest

from gateway.call import FeatureStatus
from gateway.features.row_status import ALL_FRESH, RowStatuses
from gateway.testing.plans import small_plan

FRESH, NULL, MISSING, STALE, LATE, BROKEN, LAST_KNOWN = FeatureStatus


@pytest.fixture
def statuses(tmp_path: Path) -> RowStatuses:
    return small_plan(tmp_path).row_statuses


def test_a_status_names_what_was_not_fresh(statuses: RowStatuses) -> None:
    found = statuses.of(bytes([MISSING, STALE, FRESH]))
    assert found.cells == ((0, MISSING), (1, STALE))
    assert found.statuses == {"card_count": MISSING, "card_limit": STALE}
    assert found.unreadable == {"card_limit": STALE}, "only what has no default cannot be done without"
    assert found.reasons == ("features_stale",)


def test_a_last_known_value_is_a_value(statuses: RowStatuses) -> None:
    found = statuses.of(bytes([LAST_KNOWN] * 3))
    assert found.statuses == dict.fromkeys(["card_count", "card_limit", "store_count"], LAST_KNOWN)
    assert not found.unreadable


@pytest.mark.parametrize(
    ("codes", "reasons"),
    [
        ([NULL, MISSING, FRESH], ()),
        ([LATE, LATE, LATE], ("features_late",)),
        ([BROKEN, LATE, STALE], ("features_stale", "features_late", "features_broken")),
        ([LAST_KNOWN, LATE, LAST_KNOWN], ("features_late", "features_last_known")),
    ],
)
def test_null_and_missing_degrade_nothing(
    statuses: RowStatuses, codes: list[FeatureStatus], reasons: tuple[str, ...]
) -> None:
    assert statuses.of(bytes(codes)).reasons == reasons


def test_stale_views_are_the_same_status_however_it_is_asked_for(statuses: RowStatuses) -> None:
    assert statuses.stale((0,)) is statuses.of(bytes([STALE, STALE, FRESH]))
    assert statuses.stale((0, 1)) is statuses.of(bytes([STALE] * 3))


def test_a_fresh_row_has_nothing_to_say() -> None:
    assert not any([ALL_FRESH.cells, ALL_FRESH.statuses, ALL_FRESH.unreadable, ALL_FRESH.reasons])
