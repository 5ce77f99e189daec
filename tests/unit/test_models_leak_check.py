"""The leak check: a frame that knows its own event, or a later one, is refused."""

from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import pytest

from models.deployment import Deployment, Training
from models.errors import LeakError
from models.history import EVENT_TIMESTAMP, MICROSECOND, VISIBLE_AT, Aggregate, History
from models.leak_check import check_no_leak, recompute
from models.recipe import EXAMPLE

PAYMENTS = pd.DataFrame(
    {
        "card": [1, 1, 1, 2],
        "at": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-02"], utc=True).astype(
            "datetime64[us, UTC]"
        ),
        "amount": [10.0, 20.0, 40.0, 80.0],
    }
)
AGGREGATES = (Aggregate("spent", "sum", "amount"), Aggregate("payments", "count"))


def just_after(events: pd.DataFrame) -> pd.DataFrame:
    return events.assign(**{VISIBLE_AT: events["at"] + MICROSECOND})


def at_once(events: pd.DataFrame) -> pd.DataFrame:
    return events.assign(**{VISIBLE_AT: events["at"]})


def a_day_before(events: pd.DataFrame) -> pd.DataFrame:
    return events.assign(**{VISIBLE_AT: events["at"] - timedelta(days=1)})


HONEST = History("spending", ("card",), just_after, AGGREGATES)
DEPLOYMENT = Deployment(
    "cards", {"entity": "card"}, {"spent": 0.0, "payments": 0.0}, (), (), Training((), "binary", 1, {}, {}, (), 0.0, {})
)


def frame(history: History) -> pd.DataFrame:
    calls = PAYMENTS[["card"]].copy()
    calls[EVENT_TIMESTAMP] = PAYMENTS["at"]
    calls[EXAMPLE] = range(len(PAYMENTS))
    calls[list(history.features)] = recompute(calls, history, PAYMENTS, DEPLOYMENT)
    return calls


def test_an_honest_frame_passes() -> None:
    honest = frame(HONEST)
    assert honest["spent"].tolist() == [0.0, 10.0, 30.0, 0.0]
    assert check_no_leak(honest, PAYMENTS, [HONEST], DEPLOYMENT) == 8


@pytest.mark.parametrize("stamped", [at_once, a_day_before])
def test_a_frame_that_knows_its_own_or_a_later_payment_is_refused(
    stamped: Callable[[pd.DataFrame], pd.DataFrame],
) -> None:
    leaking = frame(History("spending", ("card",), stamped, AGGREGATES))
    with pytest.raises(LeakError, match="spent of example"):
        check_no_leak(leaking, PAYMENTS, [HONEST], DEPLOYMENT)


def test_a_lost_history_is_refused_too() -> None:
    with pytest.raises(LeakError, match="visible was 30"):
        check_no_leak(frame(HONEST).assign(spent=0.0).tail(2), PAYMENTS, [HONEST], DEPLOYMENT)
