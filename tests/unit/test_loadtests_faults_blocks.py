"""Interleaved blocks: the ratio is of the fault over the calm, whichever came first."""

import pytest

from loadtests.faults.blocks import blocks, no_slower, ratios
from loadtests.faults.ending import ANSWERED, RESCUED, Ending
from loadtests.faults.expectation import CANNOT_TELL, KEPT
from loadtests.faults.journal import Journal
from loadtests.faults.traffic import Run


def run_of(pairs: int, calm: float, fault: float) -> Run:
    """Return a run whose answers took so long in the blocks of each kind; the fault's own calls are rescued late."""
    phases = blocks(pairs, 1.0, 100.0, {"calm": 1.0}, {"fault": 1.0})
    journal = Journal()
    for number, phase in enumerate(phases):
        for at in range(100):
            due = number + at / 100
            journal.send(0, due)
            journal.end(0, due, fault if "fault" in phase.shares else calm, Ending(ANSWERED))
        journal.send(0, number + 0.5)
        journal.end(0, number + 0.5, 0.09, Ending(RESCUED))
    return Run(journal, {"calm": 0}, {}, [], 0.0, 0, phases)


def test_every_other_pair_is_the_other_way_about() -> None:
    names = [next(iter(phase.shares)) for phase in blocks(2, 1.0, 1.0, {"calm": 1.0}, {"fault": 1.0})]
    assert names == ["calm", "fault", "fault", "calm"]


def test_ratios_are_of_fault_over_calm_and_leave_the_rescued_out() -> None:
    assert ratios(run_of(4, 0.01, 0.02)) == pytest.approx([2.0] * 4)


def test_no_ratio_tells_nothing() -> None:
    assert no_slower([], 1.2).verdict == CANNOT_TELL
    assert no_slower([1.1, 1.0, 1.15], 1.2).verdict == KEPT
