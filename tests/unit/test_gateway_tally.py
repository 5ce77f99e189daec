"""What arms have done, as it is read out of the metrics of several workers."""

from pathlib import Path

import pytest

from gateway.description import ArmTally
from gateway.errors import Overloaded
from gateway.meters import NO_ARM, Meters
from gateway.tally import tallies_of
from monitoring.series import SeriesFile
from routing.table import CANARY, CHAMPION, FALLBACK


def test_arms_are_summed_over_workers(tmp_path: Path) -> None:
    for slot in range(2):
        meters = Meters(SeriesFile(tmp_path, slot), "fraud", ["approve"], [])
        others = Meters(SeriesFile(tmp_path, slot + 5), "quotes", ["quote"], [])
        others.arms[CHAMPION].answered.add(100)
        meters.arms[CHAMPION].answered.add(3)
        meters.arms[CHAMPION].total.observe_since([1.0, 1.0, 1.0], 1.5)
        meters.arms[CHAMPION].infer.observe(0.25)
        meters.arms[CANARY].answered.add(1)
        meters.refuse(CANARY, Overloaded.code)
        meters.refuse(NO_ARM, Overloaded.code)
        meters.queue.observe(0.125)
        meters.features.observe(0.5)
    tallies = tallies_of(tmp_path, "fraud")
    assert tallies[CHAMPION] == ArmTally(
        answered=6,
        failed=0,
        runs=2,
        answered_seconds=pytest.approx(3.0),
        queued=2,
        queued_seconds=0.25,
        reads=2,
        reading_seconds=1.0,
        running_seconds=0.5,
    )
    assert tallies[CANARY] == ArmTally(answered=2, failed=2)
    assert tallies[FALLBACK] == ArmTally()


def test_of_a_deployment_that_nobody_has_served_nothing_is_known(tmp_path: Path) -> None:
    assert set(tallies_of(tmp_path, "fraud").values()) == {ArmTally()}
