"""Histories: windows end at the last visible event, ties make one row, brute force agrees."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.deployment import Deployment, Training
from models.history import CREATED, EVENT_TIMESTAMP, VISIBLE_AT, Aggregate, History, history_table
from models.leak_check import recompute
from models.recipe import EXAMPLE

START = datetime(2020, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
HISTORY = History(
    "spending",
    ("card",),
    lambda events: events,
    (
        Aggregate("count_3h", "count", window=3 * HOUR),
        Aggregate("sum_3h", "sum", "amount", 3 * HOUR),
        Aggregate("mean_all", "mean", "amount", unit=100.0),
        Aggregate("highest_3h", "max", "amount", 3 * HOUR),
        Aggregate("last", "last", "amount"),
    ),
    ttl=6 * HOUR,
)


def events(rows: list[tuple[int, float, float]]) -> pd.DataFrame:
    """(card, hours after the start, amount) rows."""
    instants = pd.Series([START + hours * HOUR for _, hours, _ in rows]).astype("datetime64[us, UTC]")
    cards, amounts = [card for card, _, _ in rows], [amount for _, _, amount in rows]
    return pd.DataFrame({"card": cards, VISIBLE_AT: instants, "amount": amounts})


def deployment() -> Deployment:
    training = Training((), "binary", 1, {}, {}, (), 0.0, {})
    return Deployment("cards", {"entity": "card"}, dict.fromkeys(HISTORY.features, -1.0), (), (), training)


def test_a_window_ends_at_its_row_and_leaves_out_its_far_edge() -> None:
    table = history_table(HISTORY, events([(1, 0, 10.0), (1, 1, 30.0), (1, 3, 20.0), (1, 9, 5.0)]))
    assert table["count_3h"].tolist() == [1, 2, 2, 1]  # the row at hour 3 no longer sees hour 0, exactly 3 hours back
    assert table["sum_3h"].tolist() == [10, 40, 50, 5]
    assert table["highest_3h"].tolist() == [10, 30, 30, 5]
    assert table["mean_all"].tolist() == pytest.approx([0.1, 0.2, 0.2, 0.1625])
    assert table["last"].tolist() == [10, 30, 20, 5]


def test_events_of_one_instant_make_one_row_and_entities_do_not_mix() -> None:
    table = history_table(HISTORY, events([(2, 0, 7.0), (1, 0, 1.0), (1, 0, 2.0), (2, 1, 8.0)]))
    assert table["card"].tolist() == [1, 2, 2]
    assert table["count_3h"].tolist() == [2, 1, 2]
    assert table["last"].tolist() == [2, 7, 8]


def test_rows_are_created_when_they_are_visible_in_whole_microseconds() -> None:
    table = history_table(HISTORY, events([(1, 0, 1.0)]))
    assert table[EVENT_TIMESTAMP].equals(table[CREATED])
    assert str(table.dtypes[EVENT_TIMESTAMP]) == "datetime64[us, UTC]"


ROWS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 24), st.integers(0, 50)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=50)
@given(rows=ROWS, asked=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 40)), min_size=1, max_size=10))
def test_the_newest_row_is_what_brute_force_says(
    rows: list[tuple[int, int, int]], asked: list[tuple[int, int]]
) -> None:
    seen = events([(card, hour, float(amount)) for card, hour, amount in rows])
    table = history_table(HISTORY, seen)
    calls = events([(card, hour, 0.0) for card, hour in asked]).rename(columns={VISIBLE_AT: EVENT_TIMESTAMP})
    expected = recompute(calls.assign(**{EXAMPLE: 0}), HISTORY, seen, deployment())
    for (card, _), now, row in zip(asked, calls[EVENT_TIMESTAMP], expected, strict=True):
        visible = table[(table["card"] == card) & (table[EVENT_TIMESTAMP] <= now)].tail(1)
        fresh = visible[visible[EVENT_TIMESTAMP] + HISTORY.ttl >= now]
        found = fresh[list(HISTORY.features)].to_numpy() if len(fresh) else np.full((1, len(row)), -1.0)
        assert found[0] == pytest.approx(row)
