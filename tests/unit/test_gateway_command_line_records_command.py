"""`sluice records`: what it prints, and how it ends."""

import json
import subprocess
from pathlib import Path

import pytest

from gateway.cli import main
from monitoring.records.block import encode
from monitoring.records.frame import frame
from monitoring.records.segment import SegmentDirectory
from tests.unit.sample_records import NOON, SHAPE, block


@pytest.fixture
def place(tmp_path: Path) -> list[str]:
    """Records of four calls; return the words that name their place."""
    segment = SegmentDirectory(tmp_path, 0, lambda: NOON).open()
    found = block(["a", "b", "c", "d"], decisions=["approve", "decline", "approve", "approve"])
    segment.append(frame(encode(SHAPE), segment.salt) + frame(encode(found), segment.salt))
    segment.close()
    return ["--records", str(tmp_path)]


def test_the_newest_as_a_table(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["records", *place, "--limit", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("time (UTC)")
    assert [line.split()[3] for line in lines[1:]] == ["c", "d"]


def test_everything_as_json(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["records", *place, "--json", "--decision", "decline"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    record = json.loads(line)
    assert (record["request_id"], record["decision"], record["bundle_digest"]) == ("b", "decline", "d" * 64)
    assert record["stored"] == {"card_count": 3.0, "card_limit": 4.0, "store_count": 5.0}


@pytest.mark.parametrize("before", [True, False])
def test_an_export_heeds_what_stands_before_it_and_behind(
    place: list[str], tmp_path_factory: pytest.TempPathFactory, before: bool
) -> None:
    out = str(tmp_path_factory.mktemp("out") / "out.parquet")
    words = [*place, "--deployment", "fraud"]
    assert main(["records", *words, "export", out] if before else ["records", "export", out, *words]) == 0
    assert main(["records", *place, "--deployment", "nobody", "export", out]) == 1


def test_an_export_is_not_filtered_in_silence(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["records", *place, "--since", "1h", "export", "out.parquet"]) == 2
    assert "no --since" in capsys.readouterr().err


def test_nothing_found_is_said_and_is_no_success(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["records", *place, "--request-id", "x"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("sluice: no records of that kind in ")


def test_stats(place: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["records", *place, "--stats"]) == 0
    assert "records   4 of fraud" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--since", "yesterday"], "give an age like 15m"),
        (["--records", "/nowhere/at/all"], "no decision records here"),
    ],
)
def test_what_cannot_be_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["records", *words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_export_is_a_process_of_its_own(place: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out" / "fraud.parquet"
    assert main(["records", "export", str(out), *place]) == 2
    assert str(out.parent) in capfd.readouterr().err
    out.parent.mkdir()
    assert main(["records", "export", str(out), *place]) == 0
    assert capfd.readouterr().out == f"4 records written to {out}\n"
    assert out.exists()


def test_the_export_runs_in_the_root_of_the_checkout(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout that was not installed has its packages there and nowhere else."""
    ran_in: list[Path] = []

    def run(command: list[str], cwd: Path, check: bool) -> "subprocess.CompletedProcess[str]":
        ran_in.append(cwd)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("gateway.command_line.records_command.subprocess.run", run)
    assert main(["records", *place, "export", str(tmp_path / "out")]) == 0
    assert [(cwd / "monitoring/records/export.py").exists() for cwd in ran_in] == [True]
