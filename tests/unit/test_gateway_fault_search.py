"""The search for the row at fault: flaky runs, broken ones, and those of which nobody can say anything."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway import fault_search
from gateway.backends.backend import Away, BackendError
from gateway.fault_search import FaultSearch
from gateway.halving import Found
from gateway.lane import Lane
from gateway.matrix import MatrixBuilder
from gateway.meters import FaultMeters
from gateway.policy import Policy, Thresholds
from gateway.testing.plans import small_plan
from gateway.testing.scripted_backend import ScriptedBackend
from monitoring.exposition import read_totals
from monitoring.series import SeriesFile
from routing.table import CANARY

Rows = NDArray[np.float32]
Script = Callable[[Rows], NDArray[np.float64]]
SEVEN = np.array([[1.0], [7.0], [3.0]], dtype=np.float32)


class House:
    """One lane whose run of three rows has just failed."""

    def __init__(self, directory: Path) -> None:
        self.backend, plan = ScriptedBackend(), small_plan(directory)
        policy = Policy("p", 0.0, 10.0, Thresholds((), ("approve",)))
        self.lane = Lane(CANARY, "2", "d" * 64, plan, MatrixBuilder(plan, None), self.backend, policy)
        self.directory = directory / "metrics"
        self.search = FaultSearch({CANARY: FaultMeters(SeriesFile(self.directory, 0), "fraud", CANARY)})

    async def settle(self, script: Script) -> tuple[list[float | str | None], bool]:
        """Return what was found of each row, errors as their words, and whether the run is broken."""
        told: asyncio.Future[tuple[Sequence[Found], bool]] = asyncio.get_running_loop().create_future()
        self.backend.script = script
        self.search.settle(self.lane, SEVEN, lambda found, broken: told.set_result((found, broken)))
        found, broken = await told
        await self.search.close()
        return [str(one) if isinstance(one, BackendError) else one for one in found], broken

    def counted(self, kind: str) -> float:
        totals = read_totals(self.directory)["sluice_faults_total"]
        return sum(values[0] for labels, values in totals.items() if kind in labels)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(fault_search, "PAUSE", 0.0)
    return House(tmp_path)


def scored(rows: Rows) -> NDArray[np.float64]:
    return rows[:, 0].astype(np.float64)


async def test_a_run_that_succeeds_when_it_is_repeated_is_flaky(house: House) -> None:
    assert await house.settle(scored) == ([1.0, 7.0, 3.0], False)
    assert (house.counted("flaky"), house.counted("row")) == (1, 0)


async def test_the_row_that_fails_alone_is_at_fault_and_its_run_is_broken(house: House) -> None:
    def seven(rows: Rows) -> NDArray[np.float64]:
        if (rows == 7.0).any():
            raise BackendError("seven")
        return scored(rows)

    assert await house.settle(seven) == ([1.0, "seven", 3.0], True)
    assert (house.counted("flaky"), house.counted("row")) == (0, 1)


async def test_a_run_that_loses_rows_again_is_broken_and_not_flaky(house: House) -> None:
    assert await house.settle(lambda rows: scored(rows)[:1]) == ([1.0, 7.0, 3.0], True), "alone each row is scored"
    assert house.counted("flaky") == 0
    found, broken = await house.settle(lambda rows: np.zeros(len(rows) + 1))
    assert (found, broken) == (["2 scores for 1 rows"] * 3, True)
    assert house.counted("flaky") == 0


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_while_nobody_can_be_asked_no_row_is_at_fault(house: House, at: int) -> None:
    """The host dies at the first run of the search, or later on."""
    runs = 0

    def away(rows: Rows) -> NDArray[np.float64]:
        nonlocal runs
        runs += 1
        raise Away("the lane host is away") if runs > at else BackendError("it failed")

    found, broken = await house.settle(away)
    assert broken is (at > 0)
    assert found == ([None] * 3 if at < 2 else ["it failed", None, None])
    assert runs == at + 1, "it is not asked again and again"


async def test_a_run_that_does_not_come_back_is_no_rows_fault(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_search, "PATIENCE", 0.0)

    async def never(rows: Rows) -> NDArray[np.float64]:
        await asyncio.Event().wait()
        return scored(rows)

    monkeypatch.setattr(house.backend, "run", never)
    assert await house.settle(scored) == ([None] * 3, False)
    assert house.counted("unfinished") == 3
