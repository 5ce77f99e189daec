"""Only a whole bench is published, and nothing of an older one stays beside it."""

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from loadtests.bench.finding import Finding
from loadtests.bench.plan import Plan
from loadtests.bench.publish import NothingToPublish, publish
from loadtests.bench.result import Result
from loadtests.seats import Seats

AT = datetime.datetime(2030, 1, 2, tzinfo=datetime.UTC)
GOOD = Finding("grpc-16", "gRPC", "calls/s", [13_000.0])
NONE = Finding("tls", "TLS", "×", trouble="broke off")


def write(out: Path, name: str, *findings: Finding, only: frozenset[str] = frozenset(), quick: bool = False) -> Path:
    """Write a bench as the bench does."""
    plan = Plan(out / name, Seats(), ["sluice", "serve"], ["sluice", "up"], Path("models"))
    Result(AT, replace(plan, only=only, quick=quick), ["bench"], {}, findings).write(plan.out)
    return plan.out


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NothingToPublish, match="run the bench first"):
        publish(tmp_path, tmp_path / "results")


def test_the_newest_whole_bench_takes_the_place_of_the_last_one_published(tmp_path: Path) -> None:
    out, results = tmp_path / "out", tmp_path / "results"
    results.mkdir()
    (results / "memory.svg").write_text("of another run")
    (results / "notes.txt").write_text("kept")
    write(out, "20300101T000000Z", NONE)
    newest = write(out, "20300102T000000Z", GOOD)
    assert {path.name for path in publish(out, results)} == {"bench.json", "bench.md", "bench.svg"}
    assert {path.name for path in results.iterdir()} == {"bench.json", "bench.md", "bench.svg", "notes.txt"}
    assert (results / "bench.md").read_text() == (newest / "bench.md").read_text()


@pytest.mark.parametrize(
    ("findings", "only", "quick", "said"),
    [
        ([GOOD], frozenset({"grpc-16"}), False, "holds only grpc-16: run the bench without --only"),
        ([GOOD], frozenset(), True, "was run with --quick"),
        ([GOOD, NONE], frozenset(), False, "is not whole, without a value: tls"),
        ([], frozenset(), False, "is not whole"),
    ],
)
def test_a_part_is_refused_and_what_was_published_stays(
    tmp_path: Path, findings: list[Finding], only: frozenset[str], quick: bool, said: str
) -> None:
    out, results = tmp_path / "out", tmp_path / "results"
    write(out, "20300101T000000Z", GOOD)
    publish(out, results)
    before = {path.name: path.read_bytes() for path in results.iterdir()}
    write(out, "20300102T000000Z", *findings, only=only, quick=quick)
    with pytest.raises(NothingToPublish, match=said):
        publish(out, results)
    assert {path.name: path.read_bytes() for path in results.iterdir()} == before


def test_a_bench_that_does_not_say_whether_it_is_whole_is_refused(tmp_path: Path) -> None:
    (tmp_path / "20300101T000000Z").mkdir()
    (tmp_path / "20300101T000000Z/bench.json").write_text('{"plan": {"only": []}, "findings": []}')
    with pytest.raises(NothingToPublish, match="is not whole"):
        publish(tmp_path, tmp_path / "results")
