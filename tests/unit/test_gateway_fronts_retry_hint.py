"""What refusals say of trying again, on both protocols."""

import pytest

from gateway.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    FeaturesUnavailable,
    GatewayError,
    InvalidRequest,
    Overloaded,
)
from gateway.fronts.retry_hint import pushback, retry_after


def test_who_has_time_may_try_again_later_and_who_has_not_must_not() -> None:
    assert pushback(Overloaded("full", retry_after=0.15), left=1.0) == "150"
    assert pushback(Overloaded("full", retry_after=0.15), left=0.1) == "-1"


@pytest.mark.parametrize("error", [FeaturesUnavailable("away"), BackendUnavailable("dead")])
def test_what_is_away_is_not_asked_again_at_once(error: GatewayError) -> None:
    assert pushback(error, left=60.0) == "-1"
    assert retry_after(error) == 1


@pytest.mark.parametrize("error", [InvalidRequest("wrong"), DeadlineExceeded("late")])
def test_what_trying_again_cannot_mend_says_nothing(error: GatewayError) -> None:
    assert pushback(error, left=60.0) is None
    assert retry_after(error) is None


@pytest.mark.parametrize(("seconds", "header"), [(0.1, 1), (1.0, 1), (1.2, 2)])
def test_http_counts_in_whole_seconds(seconds: float, header: int) -> None:
    assert retry_after(Overloaded("full", retry_after=seconds)) == header
