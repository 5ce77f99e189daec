"""The table that people read, with rows that may show a rate and rows that may not."""

import datetime
from pathlib import Path

import msgspec

from loadtests.answer import FRESH, Verdict
from loadtests.cross_check import CrossCheck
from loadtests.generator import Load
from loadtests.machine import describe, processor
from loadtests.result import Result
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


def test_a_result_is_written_for_people_and_for_programs(tmp_path: Path) -> None:
    check = CrossCheck(Load(), ("127.0.0.1", 1), 100, tmp_path, pairs=[(900.0, 1000.0), (1100.0, 1000.0)])
    rows = [Row("h2corn", [report_of(1000)])]
    cores = {"worker": [0], "redis": [], "generator": [1]}
    at = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    path = Result(at, {"h2corn": ["sluice", "serve"]}, Load(), cores, rows, check).write(tmp_path)
    written = msgspec.json.decode(path.read_bytes())
    assert path.name == "20300102T030405Z.json"
    assert written["rows"][0]["calls_per_second"] == 1000
    assert written["machine"]["cores"] == describe()["cores"]
    assert written["cross_check"][0] == {"ours": 900, "h2load": 1000}
    text = path.with_suffix(".md").read_text()
    assert "worker on core 0, generator on core 1" in text
    assert "this generator 1,000 calls/s, h2load 1,000 (1.00 of h2load's" in text


def test_the_processor_is_named() -> None:
    assert processor("processor\t: 0\nmodel name\t: Fast One\n\nmodel name\t: Fast One\n") == "Fast One"
    assert processor("") != ""
