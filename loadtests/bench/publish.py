"""Copies what the README shows of a bench into the repository: one whole bench, never parts of several."""

import shutil
from pathlib import Path

import msgspec

from loadtests.bench.result import JSON, PAGE, PICTURES

RESULTS = Path("loadtests/results")


class NothingToPublish(FileNotFoundError):
    """There is no bench that may be published; the message says where it was looked for and what to do."""


class Played(msgspec.Struct):
    """What of the plan tells a part from the whole."""

    only: list[str] = msgspec.field(default_factory=list)
    quick: bool = False


class Row(msgspec.Struct):
    """A finding, as far as it is read here."""

    name: str
    value: float | None = None


class Written(msgspec.Struct):
    """A bench's JSON, as far as it is read here; one written before `whole` was is taken for a part."""

    plan: Played
    findings: list[Row]
    whole: bool = False


def publish(out: Path, results: Path = RESULTS) -> list[Path]:
    """Copy the newest bench under `out` over the last one published; return the files. Raises NothingToPublish."""
    benches = sorted(path.parent for path in out.glob(f"*/{JSON}"))
    if not benches:
        raise NothingToPublish(f"no */{JSON} under {out}: run the bench first")
    newest = benches[-1]
    if flaw := _flaw(msgspec.json.decode((newest / JSON).read_bytes(), type=Written)):
        raise NothingToPublish(f"{newest} {flaw}; or delete that folder to publish the bench before it")
    results.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        (results / name).unlink(missing_ok=True)
    found = [newest / name for name in (JSON, PAGE, *PICTURES)]
    return [Path(shutil.copyfile(path, results / path.name)) for path in found if path.exists()]


def _flaw(bench: Written) -> str:
    """Say what keeps a bench from being published and what to do; nothing where it may be."""
    if bench.plan.only:
        return f"holds only {', '.join(sorted(bench.plan.only))}: run the bench without --only"
    if bench.plan.quick:
        return "was run with --quick, too short to believe: run the bench without it"
    if bench.whole:
        return ""
    empty = [row.name for row in bench.findings if row.value is None]
    return f"is not whole, without a value: {', '.join(empty) or 'unknown'}: mend what its page says and run it again"
