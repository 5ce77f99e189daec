"""Copies what the README shows of a bench into the repository."""

import shutil
from pathlib import Path

from loadtests.bench.result import JSON, PAGE, PICTURES

RESULTS = Path("loadtests/results")


class NothingToPublish(FileNotFoundError):
    """There is no bench to publish; the message says where one was looked for."""


def publish(out: Path, results: Path = RESULTS) -> list[Path]:
    """Copy the newest bench under `out`; return the files written. Raises NothingToPublish."""
    benches = sorted(path.parent for path in out.glob(f"*/{JSON}"))
    if not benches:
        raise NothingToPublish(f"no */{JSON} under {out}: run the bench first")
    results.mkdir(parents=True, exist_ok=True)
    found = [benches[-1] / name for name in (JSON, PAGE, *PICTURES)]
    return [Path(shutil.copyfile(path, results / path.name)) for path in found if path.exists()]
