"""The bench's command line: what it makes a plan of, what it lists, and what it refuses."""

from pathlib import Path

import pytest

from loadtests.bench import __main__ as bench
from loadtests.bench.catalogue import MEASURES, selected
from loadtests.bench.goals import GOALS
from loadtests.bench.options import parser, plan_from
from loadtests.bench.plan import QUICK, Plan
from loadtests.seats import unseated


def plan_of(*words: str) -> Plan:
    return plan_from(parser().parse_args(["--unpinned", *words]), Path("out"))


def test_nothing_said_is_the_plan_as_it_stands() -> None:
    plan = plan_of()
    assert (plan.rounds, plan.soak, plan.redis, plan.only) == (3, 60.0, None, frozenset())
    assert plan.seats == unseated()
    assert Path(plan.serve[0]).name == "sluice"
    assert "--front" in plan.serve


def test_quick_is_short_but_what_is_said_holds() -> None:
    plan = plan_of("--quick", "--rounds", "5", "--soak", "600")
    assert (plan.rounds, plan.soak, plan.seconds) == (5, 600.0, QUICK["seconds"])


def test_another_folder_of_deployments_goes_to_every_gateway() -> None:
    plan = plan_of("--models", "/tmp/m")
    assert plan.serve[-2:] == plan.up[-2:] == ["--models", "/tmp/m"]


def test_measures_are_chosen_by_their_names_or_by_those_of_their_parts() -> None:
    assert [one.name for one in selected(frozenset({"grpc-64", "tls"}))] == ["calls", "tls"]
    assert selected(frozenset()) == list(MEASURES)
    with pytest.raises(ValueError, match="no measure speed; there are"):
        selected(frozenset({"speed"}))


def test_every_goal_can_be_asked_for() -> None:
    names = {name for measure in MEASURES for name in (measure.name, *measure.parts)}
    assert set(GOALS) <= names


def test_the_list_names_every_measure_and_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--list", "--unpinned"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{measure.name} " in printed for measure in MEASURES)


def test_what_cannot_be_run_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--only", "speed", "--unpinned"]) == 2
    assert bench.main(["--publish", "--out", str(tmp_path)]) == 2
    assert [line[:9] for line in capsys.readouterr().err.splitlines()] == ["no bench:"] * 2


def test_estimates_are_of_what_was_chosen() -> None:
    whole, part = plan_of(), plan_of("--only", "grpc-16")
    calls = MEASURES[0]
    assert 0 < calls.seconds(part) < calls.seconds(whole)
    assert sum(one.seconds(whole) for one in MEASURES) < 25 * 60
