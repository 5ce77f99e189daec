"""Admission's arithmetic: how long a queue may be, for whom, and how long lists are."""

from collections.abc import Iterable

import pytest

from gateway.admission import FIRST_ROWS, LIST_ROWS, Admission, QueueLimits
from gateway.call import Priority

BUDGET = 0.1


def busy(period: float = 0.004, rows: int = LIST_ROWS, waiting: int = 1000) -> Admission:
    """Of a worker that has started full lists every `period` seconds, up to now = 1.0, and never emptied its queue."""
    admission = Admission(BUDGET)
    for number in range(100, -1, -1):
        admission.served([0, 0, rows])
        admission.started(rows, 0.01, waiting, full=True, now=1.0 - number * period)
        admission.took(rows, 0.0005, blocking=True)
    return admission


def admits(admission: Admission, ahead: int, priority: Priority = Priority.DEFAULT, **changes: float) -> bool:
    values = {"left": BUDGET, "lag": 0.0, "now": 1.0} | changes
    return admission.admits(ahead, priority, **values)


def test_an_idle_worker_takes_whatever_comes() -> None:
    assert admits(Admission(BUDGET), 10_000)


def test_a_queue_is_bounded_by_the_time_that_it_takes() -> None:
    admission = busy(period=0.004)
    # 40 % of 100 ms are ten periods of 4 ms, one of which is the list under way.
    assert admits(admission, 9 * LIST_ROWS - 1)
    assert not admits(admission, 9 * LIST_ROWS + 1)
    assert not admits(busy(period=0.008), 9 * LIST_ROWS)


def test_a_burst_may_be_longer_than_a_standing_queue() -> None:
    admission = busy(period=0.004)
    admission.started(LIST_ROWS, 0.01, waiting=0, full=True, now=1.004)
    assert admits(admission, 13 * LIST_ROWS, now=1.05)
    assert not admits(admission, 13 * LIST_ROWS, now=1.2)


def test_what_would_come_too_late_is_refused() -> None:
    admission = busy(period=0.004)
    assert admits(admission, 4 * LIST_ROWS, left=0.021)
    assert not admits(admission, 4 * LIST_ROWS, left=0.019)


def test_what_was_waited_unseen_counts() -> None:
    admission = busy(period=0.004)
    assert admits(admission, 4 * LIST_ROWS, lag=0.019)
    assert not admits(admission, 4 * LIST_ROWS, lag=0.021)
    assert not admits(admission, 0, lag=0.041), "also before an empty queue"


def test_critical_calls_may_wait_longest_and_sheddable_ones_shortest() -> None:
    admission = busy(period=0.004)
    longest = {
        priority: max(ahead for ahead in range(20 * LIST_ROWS) if admits(admission, ahead, priority))
        for priority in Priority
    }
    assert longest[Priority.CRITICAL] > longest[Priority.DEFAULT] > longest[Priority.SHEDDABLE] > LIST_ROWS


def test_calls_of_a_higher_priority_that_are_still_to_come_count() -> None:
    admission = busy(period=0.004)
    for _ in range(100):
        admission.served([LIST_ROWS // 2, LIST_ROWS // 2, 0])
    assert admission.wait(LIST_ROWS, Priority.CRITICAL, now=1.0) == pytest.approx(0.008)
    assert admission.wait(LIST_ROWS, Priority.DEFAULT, now=1.0) == pytest.approx(0.012, rel=0.05)
    assert not admits(admission, 1, Priority.SHEDDABLE), "those above it take all there is"


def carried(admission: Admission, lists: Iterable[int], fixed: float, row: float, blocking: bool = True) -> int:
    """Return how long the next list may be, after lists of which each took `fixed` and `row` for each row."""
    for rows in lists:
        admission.started(rows, 0.0, 0, full=False, now=1.0)
        admission.took(rows, fixed + row * rows, blocking)
    return admission.list_rows


def test_long_runs_make_short_lists() -> None:
    admission = Admission(BUDGET)
    assert carried(admission, (1, 8, 64, 4, 16) * 10, 0.0001, 0.0005) == 5, "2.5 ms of the event loop"
    assert carried(admission, (1, 8, 5, 14, 2) * 10, 0.0001, 0.0005, blocking=False) == 20, "10 ms elsewhere"


def test_short_runs_do_not() -> None:
    assert carried(Admission(BUDGET), (1, 8, 64), 0.0001, 0.00001) == LIST_ROWS


def test_a_run_that_is_always_long_is_not_made_longer_still_by_short_lists() -> None:
    assert carried(Admission(BUDGET), (1, 8, 64, 16) * 10, 0.02, 0.0001) == LIST_ROWS


def test_no_list_is_longer_than_twice_the_longest_of_late() -> None:
    """Where all lists were alike, nothing says what a row adds, and a guess must not cost everybody's budget."""
    admission = Admission(BUDGET)
    assert admission.list_rows == FIRST_ROWS
    assert carried(admission, [2] * 50, 0.01, 0.0) == FIRST_ROWS
    assert carried(admission, [FIRST_ROWS], 0.01, 0.0) == 2 * FIRST_ROWS
    assert carried(admission, [2 * FIRST_ROWS], 0.01, 0.0) == LIST_ROWS
    assert carried(admission, [2] * 20, 0.01, 0.0) == FIRST_ROWS, "what was long ago is forgotten"


def test_a_smaller_share_means_shorter_lists() -> None:
    admission = Admission(BUDGET, share=0.25)
    assert carried(admission, (1, 8, 16), 0.0001, 0.00001) == LIST_ROWS // 4
    assert Admission(BUDGET, share=0.1).list_rows == LIST_ROWS // 10


def test_strain_is_what_calls_have_queued_for() -> None:
    admission = Admission(BUDGET)
    admission.started(1, 0.004, 0, full=False, now=1.0)
    assert not admission.strained(1.0)
    admission.started(1, 0.006, 0, full=False, now=1.0)
    assert admission.strained(1.05)
    assert not admission.strained(1.11)


@pytest.mark.parametrize(
    "wrong", [{"standing": 0.0}, {"standing": 0.7}, {"burst": 1.0}, {"unsure": 0.0}, {"interval": 0.0}]
)
def test_limits_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="queue limits"):
        QueueLimits(**wrong)
