"""What the gateway writes to or reads from disk is not there: no room for decision records, no table."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from loadtests.faults.house import House
from loadtests.faults.ledger import GOOD
from loadtests.faults.observing import mostly, none_failed, observed
from loadtests.faults.plan import Plan
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.script import Deed
from loadtests.faults.served import Served
from loadtests.faults.stage import Stage
from loadtests.serving import ServingError

_BEFORE = 2.0
_DISK = "2m"


def full_disk(stage: Stage) -> Observed:
    """Every call is recorded, onto a disk of two megabytes."""
    name = "records-full-disk"
    house = stage.house(name)
    house.declare("fraud", {"records": {"share": 1.0}})
    seconds = stage.plan.span(8.0, 40.0)
    with _small_disk(stage.plan.out / "state" / name) as disk, stage.both(name, house=house) as (_, served):
        filling = Deed(seconds / 2, "filled up", partial(_fill_up, disk))
        run = stage.steady(served, seconds, [filling])
    cut = {"before": run.calls.between(0, seconds / 2), "during": run.calls.between(seconds / 2, 1e9)}
    expected = [none_failed(run.calls), mostly(cut["during"], 0.999, *GOOD, where="with a full disk")]
    return observed(run, cut, expected)


def no_table(stage: Stage) -> Observed:
    """What declares the table vanishes, and then a worker has to start without it."""
    name = "table-absent"
    house = stage.house(name)
    with stage.both(name, workers=2, house=house) as (_, served):
        deeds = [Deed(_BEFORE, "gone", partial(_forget, house)), Deed(_BEFORE + 1.0, "killed", partial(_kill, served))]
        run = stage.steady(served, _BEFORE + stage.plan.span(7.0, 15.0), deeds)
        workers = len(served.workers())
    cut = {"before": run.calls.between(0, _BEFORE), "during": run.calls.between(_BEFORE, 1e9)}
    later = run.calls.between(run.moments["killed"] + 2.0, 1e9)
    expected = [
        mostly(run.calls.between(0, run.moments["killed"]), 0.999, *GOOD, where="without a table"),
        mostly(later, 0.999, *GOOD, where="2 s after a worker had to start without one"),
    ]
    return observed(run, cut, expected, {"workers_in_the_end": workers})


@contextmanager
def _small_disk(at: Path) -> Iterator[Path]:
    """Mount a small disk. Raises ServingError where we may not."""
    at.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "sluice-stress", str(at)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        raise ServingError(f"a small disk could not be mounted (it takes root): {mounted.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=False)


def _fill_up(disk: Path) -> None:
    """Write until nothing more goes onto the disk."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"\0" * 4096)
        except OSError:
            return


def _forget(house: House) -> None:
    (house.models / "fraud" / "deployment.yaml").unlink()


def _kill(served: Served) -> None:
    os.kill(served.workers()[0], signal.SIGKILL)


def _seconds(plan: Plan) -> float:
    return plan.span(8.0, 40.0) + 10


SCENARIOS = (
    Scenario(
        "records-full-disk",
        "the disk of the decision records is full",
        "answers; the records that find no room are dropped and counted",
        full_disk,
        _seconds,
    ),
    Scenario(
        "table-absent",
        "the table's source is gone, also when a worker starts anew",
        "answers from the last table",
        no_table,
        _seconds,
    ),
)
