"""A measure that breaks, however, costs its own rows; an interrupted bench keeps what it has."""

import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest
import redis

from loadtests.bench import __main__ as bench
from loadtests.bench.finding import Finding
from loadtests.bench.ground import Ground
from loadtests.bench.measure import Bench, Measure

GOOD = Finding("start", "start", "s", [0.9])


def measure(name: str, run: Callable[[Bench], list[Finding]], *parts: str) -> Measure:
    return Measure(name, "does it", run, lambda _: 1.0, parts)


def breaking(exc: BaseException) -> Callable[[Bench], list[Finding]]:
    def run(_: Bench) -> list[Finding]:
        raise exc

    return run


def found_by(
    monkeypatch: pytest.MonkeyPatch, out: Path, measures: list[Measure], *words: str
) -> list[dict[str, object]]:
    """Run a whole bench of these measures; return the findings that it wrote."""
    monkeypatch.setattr(bench, "selected", lambda _: measures)
    monkeypatch.setattr(bench, "cases_for", lambda *_: [])
    monkeypatch.setattr(bench, "ground", lambda _: nullcontext(Ground("redis://127.0.0.1:1")))
    assert bench.main(["--unpinned", "--out", str(out), *words]) == 1
    (path,) = out.glob("*/bench.json")
    findings: list[dict[str, object]] = msgspec.json.decode(path.read_bytes())["findings"]
    return findings


@pytest.mark.parametrize(
    ("exc", "said", "logged"),
    [
        (redis.ConnectionError("gone\naway"), "broke off: ConnectionError: gone away; where:", "redis.exceptions"),
        (subprocess.CalledProcessError(3, ["x"], stderr="no bundle"), "broke off: CalledProcessError:", "no bundle"),
        (OSError("no port left"), "broke off: no port left; where:", "OSError"),
        (AssertionError(), "broke off: AssertionError: ; where:", "Traceback"),
    ],
)
def test_whatever_breaks_a_measure_costs_its_own_rows_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exc: Exception, said: str, logged: str
) -> None:
    measures = [
        measure("start", lambda _: [GOOD]),
        measure("memory", breaking(exc), "memory-growth"),
        measure("micro", lambda _: [GOOD]),
    ]
    first, *broken, last = found_by(monkeypatch, tmp_path, measures)
    assert (first["value"], last["value"]) == (0.9, 0.9)
    assert [(row["name"], row["verdict"]) for row in broken] == [("memory", "no value"), ("memory-growth", "no value")]
    assert all(str(row["trouble"]).startswith(said) and "\n" not in str(row["trouble"]) for row in broken)
    (log,) = tmp_path.glob("*/logs/memory-broke-off.log")
    assert logged in log.read_text()


def test_only_what_was_asked_for_gets_a_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measures = [measure("peers", breaking(OSError("x")), "peer-triton", "peer-kserve")]
    assert [row["name"] for row in found_by(monkeypatch, tmp_path, measures, "--only", "peer-kserve")] == [
        "peer-kserve"
    ]


def test_an_interrupted_bench_writes_what_it_has_and_measures_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measures = [
        measure("start", lambda _: [GOOD]),
        measure("tls", breaking(KeyboardInterrupt())),
        measure("micro", lambda _: pytest.fail("it went on")),
    ]
    rows = found_by(monkeypatch, tmp_path, measures)
    assert [(row["name"], row["value"], row["trouble"]) for row in rows] == [
        ("start", 0.9, ""),
        ("tls", None, "interrupted"),
        ("micro", None, "interrupted"),
    ]
