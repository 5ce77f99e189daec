"""The table that people read, with rows that may show a rate and rows that may not."""

from loadtests.answer import FRESH, Verdict
from loadtests.machine import processor
from loadtests.table import Row, figures, markdown
from loadtests.tally import Report, Tally


def report_of(good: int, faults: int = 0) -> Report:
    tally = Tally()
    for _ in range(good):
        tally.count(FRESH, 1_500_000)
    for _ in range(faults):
        tally.count(Verdict("grpc-status 14"), 0)
    return Report("grpc", 16, 1, 1.0, 10_000, 0, tally, {"generator": 0.5, "worker": 0.9})


def test_a_row_shows_the_median_and_every_round() -> None:
    line = markdown([Row("h2corn", [report_of(1000), report_of(3000), report_of(2000)])]).splitlines()[-1]
    assert line.startswith("| gRPC | h2corn | **2,000** (1,000, 3,000, 2,000) | 1.50 | 1.50 |")
    assert line.endswith("| 0.000% | 450.0 | – | 250.0 | 50% |")


def test_every_line_of_the_table_has_as_many_cells_as_its_head() -> None:
    table = markdown([Row("h2corn", [report_of(1000)]), Row("grpc.aio", [report_of(10, 1)])])
    assert len({line.count("|") for line in table.splitlines() if line.startswith("|")}) == 1


def test_a_row_with_one_unsound_round_has_no_rate_but_the_reasons() -> None:
    table = markdown([Row("grpc.aio", [report_of(1000), report_of(1000, 2)])])
    assert "| gRPC | grpc.aio | no rate |" in table
    assert "1,000" not in table
    assert table.endswith("No rate for gRPC on grpc.aio:\n- 2 × grpc-status 14")


def test_one_run_in_words() -> None:
    assert "gRPC: 2,000 calls/s over 1.0 s, 16 connections × 1, 10,000 entity sets" in figures(report_of(2000))
    assert figures(report_of(1000, 5)).splitlines()[1] == "- 5 × grpc-status 14"
    assert "calls/s" not in figures(report_of(1000, 5))


def test_the_processor_is_named() -> None:
    assert processor("processor\t: 0\nmodel name\t: Fast One\n\nmodel name\t: Fast One\n") == "Fast One"
    assert processor("") != ""
