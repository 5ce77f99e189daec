"""Statuses are honest: what is awaited never passes, what cannot be told is not kept, a ledger must add up."""

import datetime
import math
from pathlib import Path

import pytest

from loadtests.faults.catalogue import SCENARIOS, selected
from loadtests.faults.expectation import at_least, at_most
from loadtests.faults.ledger import Ledger
from loadtests.faults.options import parser, plan_from
from loadtests.faults.plan import Plan
from loadtests.faults.readme_table import table_from
from loadtests.faults.report import Report
from loadtests.faults.result import Result
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.stage import Stage
from loadtests.seats import unseated

COUNTS = {"answered": 2, "degraded": 1, "rescued": 0, "refused": 0, "failed": 0}
SOUND, SHORT = (Ledger(sent, COUNTS, {}, {}, {}) for sent in (3, 4))
KEPT, BROKEN, UNKNOWN = (at_most("failed", value, 1.0, "calls") for value in (0.0, 2.0, math.nan))


def nothing(stage: Stage) -> Observed:
    raise NotImplementedError


def scenario() -> Scenario:
    return Scenario("one", "something is done", "answers", nothing, lambda plan: 1.0)


@pytest.mark.parametrize(
    ("ledger", "expectation", "status"),
    [
        (SOUND, KEPT, "passed"),
        (SOUND, BROKEN, "FAILED"),
        (SOUND, UNKNOWN, "cannot tell"),
        (SHORT, KEPT, "FAILED"),
    ],
)
def test_status(ledger: Ledger, expectation: object, status: str) -> None:
    observed = Observed({"all": ledger}, [expectation])  # type: ignore[list-item]
    assert Report(scenario(), observed).status == status


def result_of(tmp_path: Path, *reports: Report) -> Result:
    return Result(datetime.datetime.now(datetime.UTC), Plan(tmp_path, unseated()), ["x"], 1000.0, reports)


def test_exit_status_follows_the_worst(tmp_path: Path) -> None:
    passed = Report(scenario(), Observed({"all": SOUND}, [KEPT]))
    unknown = Report(scenario(), Observed({"all": SOUND}, [UNKNOWN]))
    failed = Report(scenario(), None, "broke off: no Redis")
    assert [result_of(tmp_path, *some).exit_status for some in ([passed], [passed, unknown], [passed, failed], [])] == [
        0,
        3,
        1,
        1,
    ]


def test_the_readmes_table_comes_from_the_json(tmp_path: Path) -> None:
    good = Report(scenario(), Observed({"all": SOUND}, [KEPT, at_least("answered", 0.9995, 0.999, "share")]))
    result_of(tmp_path, good, Report(scenario(), None, "no Redis")).write(tmp_path)
    lines = table_from(tmp_path).splitlines()
    assert "3 calls = 2 answered + 1 degraded; failed: 0 calls (≤ 1 calls: kept)" in lines[2]
    assert lines[3].endswith("| **BROKE OFF**: no Redis |")


def test_names_are_unique_and_chosen_by_their_beginning() -> None:
    assert len({one.name for one in SCENARIOS}) == len(SCENARIOS)
    assert {one.name for one in selected(frozenset({"sigterm"}))} == {"sigterm-h2corn", "sigterm-conservative"}
    with pytest.raises(ValueError, match="no scenario nonsense"):
        selected(frozenset({"nonsense"}))


def test_quick_shortens_every_scenario(tmp_path: Path) -> None:
    words = ["--unpinned", "--out", str(tmp_path)]
    long, quick = (plan_from(parser().parse_args(more), tmp_path) for more in (words, [*words, "--quick"]))
    assert sum(one.seconds(quick) for one in SCENARIOS) < sum(one.seconds(long) for one in SCENARIOS) / 2
