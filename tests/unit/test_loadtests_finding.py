"""Values against goals: reached, short, or not there; and the table and pictures that say so."""

import datetime
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from loadtests.bench.finding import Finding
from loadtests.bench.goal_chart import draw_goals
from loadtests.bench.goals import GOALS, Goal
from loadtests.bench.list_chart import draw_list_time
from loadtests.bench.memory_chart import draw_memory
from loadtests.bench.page import figure, goal_table
from loadtests.bench.plan import Plan
from loadtests.bench.result import Result
from loadtests.sampling.stages import IDLE, RUN
from loadtests.seats import Seats

MEMORY = {
    "samples": [{"seconds": 0.0, "rss_mb": 90.0, "uss_mb": 60.0}, {"seconds": 9.0, "rss_mb": 95.0, "uss_mb": 64.0}]
}
BAR = {
    "in_flight": 16,
    "rows_per_list": 8.0,
    "rows_per_second": 9_000.0,
    "microseconds": {RUN: 30.0, IDLE: 500.0},
    "functions": [(RUN, "gateway/backends/onnx.py:run", 30.0)],
}
FINDINGS = [
    Finding(
        "grpc-16",
        "gRPC, 16 connections",
        "calls/s",
        [12_000.0, 13_000.0, 14_000.0],
        "16 × 1",
        heading="Calls",
        table="| a | b |",
    ),
    Finding("grpc-16-p99", "p99", "ms", [3.5]),
    Finding("tls", "TLS", "×", trouble="no ratio | in round 1"),
    Finding("peer-kserve", "against KServe, model alone", "×", [6.0, 7.0]),
    Finding("memory", "memory", "MB", [110.0], details=MEMORY),
    Finding("list-time", "a list's time", "×", [0.99], details={"bars": [BAR]}),
]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(20_000.0, "aim reached"), (12_000.0, "must reached"), (11_999.0, "short"), (None, "no value")],
)
def test_more_is_better(value: float | None, verdict: str) -> None:
    assert Goal(12_000, 20_000).verdict(value) == verdict


@pytest.mark.parametrize(("value", "verdict"), [(0.25, "aim reached"), (0.5, "must reached"), (0.51, "short")])
def test_less_is_better_where_the_goal_says_so(value: float, verdict: str) -> None:
    assert Goal(0.5, 0.25, less=True).verdict(value) == verdict


def test_without_an_aim_there_is_only_must() -> None:
    assert Goal(3.0, less=True).verdict(0.1) == "must reached"


def test_a_share_above_one_is_better_whichever_way_it_counts() -> None:
    assert Goal(10.0).share(20.0) == 2.0
    assert Goal(10.0, less=True).share(5.0) == 2.0


def test_every_goal_asks_more_of_the_aim_than_of_the_must() -> None:
    for name, goal in GOALS.items():
        assert goal.aim is None or goal.share(goal.aim) > 1.0, name


def test_a_finding_shows_its_median_and_a_finding_in_trouble_shows_none() -> None:
    assert (FINDINGS[0].value, FINDINGS[0].verdict) == (13_000.0, "must reached")
    assert (FINDINGS[2].value, FINDINGS[2].verdict) == (None, "no value")
    assert FINDINGS[3].verdict == "reported"
    assert Finding("nobody-asked", "x", "s").verdict == "no value"
    assert Finding("tls", "TLS", "×", [0.9], trouble="one round failed").value is None


def test_the_table_has_as_many_cells_in_every_line() -> None:
    lines = goal_table(FINDINGS).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert (
        "| 12,000 calls/s | 20,000 calls/s | **13,000 calls/s** | must reached | 12,000 to 14,000 (75% of 3) |"
        in lines[2]
    )
    assert "| ≤ 3.00 ms | – | **3.50 ms** | short |" in lines[3]
    assert "**–** | no value |  | no ratio / in round 1 |" in lines[4]


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(12345.6, "calls/s", "12,346 calls/s"), (0.254, "ms", "0.25 ms"), (123.4, "MB", "123 MB"), (None, "ms", "–")],
)
def test_figures(value: float | None, unit: str, shown: str) -> None:
    assert figure(value, unit) == shown


def test_every_picture_is_well_formed_and_says_what_it_shows() -> None:
    goals, bars, memory = draw_goals(FINDINGS), draw_list_time(FINDINGS), draw_memory(FINDINGS)
    assert goals is not None
    assert bars is not None
    assert memory is not None
    for picture in (goals, bars, memory):
        ElementTree.fromstring(picture)
    assert "gRPC, 16 connections" in goals
    assert "against KServe, model alone" in goals
    assert "TLS" not in goals
    assert "lists of 8.0 rows" in bars
    assert "resident: 95" in memory
    assert draw_goals(FINDINGS[2:3]) is draw_list_time([]) is draw_memory([]) is None


def test_a_result_is_written_for_people_and_for_programs(tmp_path: Path) -> None:
    out = tmp_path / "bench"
    at = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    plan = Plan(out / "20300102T030405Z", Seats(), ["sluice", "serve"], ["sluice", "up"], Path("models"))
    result = Result(at, plan, ["bench"], {"h2corn": ["sluice", "serve"]}, FINDINGS)
    page = result.write(plan.out).read_text()
    assert not result.whole
    assert "worker on core 0, generator on core 1" in page
    assert "![list.svg](list.svg)" in page
    assert "## Calls\n\n| a | b |" in page
    written = msgspec.json.decode((plan.out / "bench.json").read_bytes())
    assert written["findings"][0]["rounds"] == [12_000, 13_000, 14_000]
    assert (written["findings"][0]["must"], written["findings"][0]["verdict"]) == (12_000, "must reached")
    assert written["plan"]["rounds"] == plan.rounds
    assert written["whole"] is False
