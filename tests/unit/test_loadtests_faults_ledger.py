"""The ledger adds up or says that it does not, and the timeline is read off the same calls."""

import math

import pytest

from loadtests.faults.ending import ANSWERED, DEGRADED, FAILED, REFUSED, Ending
from loadtests.faults.journal import Journal
from loadtests.faults.ledger import ledger
from loadtests.faults.timeline import back_to_normal, first_after, longest_gap, p99, seconds


def journal_of(*calls: tuple[float, float, int, int]) -> Journal:
    """Note (due, took, kind, group) of each call, sent and ended."""
    journal = Journal()
    for due, took, kind, group in calls:
        journal.send(group, due)
        journal.end(group, due, took, Ending(kind, f"reason {kind}" if kind in (REFUSED, FAILED) else ""))
    return journal


def test_a_ledger_adds_up_and_tells_the_reasons() -> None:
    calls = journal_of((0.0, 0.01, ANSWERED, 0), (0.1, 0.02, REFUSED, 0), (0.2, 0.3, FAILED, 1)).calls()
    found = ledger(calls)
    assert found.adds_up
    assert found.counts == {"answered": 1, "degraded": 0, "rescued": 0, "refused": 1, "failed": 1}
    assert found.reasons["refused"] == {"reason 3": 1}
    assert found.milliseconds["failed"]["max"] == pytest.approx(300.0)


def test_a_call_that_never_ended_or_ended_twice_is_found() -> None:
    journal = journal_of((0.0, 0.01, ANSWERED, 0))
    journal.send(0, 0.5)
    assert not ledger(journal.calls()).adds_up
    for _ in range(2):
        journal.end(0, 0.5, 0.01, Ending(ANSWERED))
    assert not ledger(journal.calls()).adds_up


def test_a_part_of_a_run_has_a_ledger_of_its_own() -> None:
    calls = journal_of((0.0, 0.01, ANSWERED, 0), (1.0, 0.01, DEGRADED, 1), (2.0, 0.01, DEGRADED, 0)).calls()
    assert ledger(calls.between(0.5, 1.5)).sent == 1
    assert ledger(calls.of_groups(0)).counts["degraded"] == 1


def test_more_reasons_than_a_byte_counts_become_other() -> None:
    journal = Journal()
    for number in range(300):
        journal.send(0, 0.0)
        journal.end(0, 0.0, 0.0, Ending(FAILED, f"reason {number}"))
    reasons = journal.calls().by_reason(FAILED)
    assert sum(reasons.values()) == 300
    assert reasons["other"] > 1


def test_the_first_answer_after_a_moment_counts_from_the_moment() -> None:
    calls = journal_of((0.9, 0.05, ANSWERED, 0), (0.98, 0.07, ANSWERED, 0), (2.0, 0.01, ANSWERED, 0)).calls()
    assert first_after(calls, 1.0, ANSWERED) == pytest.approx(0.05)
    assert first_after(calls, 3.0, ANSWERED) == math.inf


def test_failures_make_a_p99_endless() -> None:
    good = [(at / 100, 0.01, ANSWERED, 0) for at in range(99)]
    assert p99(journal_of(*good, (1.0, 0.01, FAILED, 0)).calls()) == pytest.approx(0.01)
    assert p99(journal_of(*good, *[(1.0, 0.01, FAILED, 0)] * 5).calls()) == math.inf


def test_normal_is_reached_when_it_lasts() -> None:
    ill = [(1.0 + at / 100, 0.2, FAILED, 0) for at in range(50)]
    well = [(1.5 + at / 100, 0.01, ANSWERED, 0) for at in range(300)]
    assert back_to_normal(journal_of(*ill, *well).calls(), 1.0, 0.02) == pytest.approx(0.5)
    assert back_to_normal(journal_of(*ill).calls(), 1.0, 0.02) == math.inf


def test_the_longest_gap_and_the_seconds() -> None:
    calls = journal_of((0.5, 0.0, ANSWERED, 0), (3.0, 0.0, ANSWERED, 0), (3.2, 0.0, FAILED, 0)).calls()
    assert longest_gap(calls, 0.0, 4.0) == pytest.approx(2.5)
    assert [sum(one.counts.values()) for one in seconds(calls, 4.0)] == [1, 0, 0, 2]
