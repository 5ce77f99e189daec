"""The search for the row at fault: flaky runs, outages, and those of which nobody can say anything."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway import fault_search
from gateway.backends.backend import Away, BackendError
from gateway.fault_search import CONFIRMING, MOST_RUNS, WAITING, FaultSearch, Outage
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

    async def settle(self, script: Script, rows: Rows = SEVEN) -> tuple[list[float | str | None], bool]:
        """Return what was found of each row, errors as their words, outages as such, and whether the run is broken."""
        told: asyncio.Future[tuple[Sequence[Found], bool]] = asyncio.get_running_loop().create_future()
        self.backend.script = script
        self.search.settle(self.lane, rows, lambda found, broken: told.set_result((found, broken)))
        found, broken = await told
        await self.search.close()
        return [_words(one) if isinstance(one, BackendError) else one for one in found], broken

    def counted(self, kind: str) -> float:
        totals = read_totals(self.directory)["sluice_faults_total"]
        return sum(values[0] for labels, values in totals.items() if kind in labels)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(fault_search, "PAUSE", 0.0)
    return House(tmp_path)


def _words(error: BackendError) -> str:
    return "outage" if isinstance(error, Outage) else str(error)


def scored(rows: Rows) -> NDArray[np.float64]:
    return rows[:, 0].astype(np.float64)


async def test_a_run_that_succeeds_when_it_is_repeated_is_flaky(house: House) -> None:
    assert await house.settle(scored) == ([1.0, 7.0, 3.0], False)
    assert (house.counted("flaky"), house.counted("row")) == (1, 0)


def at_seven(rows: Rows) -> NDArray[np.float64]:
    if (rows == 7.0).any():
        raise BackendError("seven")
    return scored(rows)


async def test_the_row_that_fails_alone_is_at_fault_and_its_run_is_broken(house: House) -> None:
    assert await house.settle(at_seven) == ([1.0, "seven", 3.0], True)
    assert (house.counted("flaky"), house.counted("row")) == (0, 1)


async def test_a_row_that_is_alone_is_at_fault_where_the_lane_scores_what_it_scored_before(house: House) -> None:
    house.search.scored(house.lane, SEVEN[:1])
    assert await house.settle(at_seven, SEVEN[1:2]) == (["seven"], True)


async def test_a_lane_that_scores_nothing_is_an_outage_and_no_rows_fault(house: House) -> None:
    def fails(rows: Rows) -> NDArray[np.float64]:
        raise BackendError("whatever the row")

    assert await house.settle(fails) == (["outage"] * 3, True), "it has never scored anything"
    house.search.scored(house.lane, SEVEN)
    assert await house.settle(fails) == (["outage"] * 3, True)
    assert (house.counted("row"), house.counted("unfinished")) == (0, 6)


async def test_an_outage_is_one_however_long_the_list_and_costs_two_runs(house: House) -> None:
    runs = 0

    def fails(rows: Rows) -> NDArray[np.float64]:
        nonlocal runs
        runs += 1
        raise BackendError("whatever the row")

    house.search.scored(house.lane, SEVEN)
    many = np.arange(128, dtype=np.float32)[:, None]
    assert await house.settle(fails, many) == (["outage"] * 128, True)
    assert runs == 2


@pytest.mark.parametrize("at", range(1, 5))
async def test_who_failed_alone_only_while_the_lane_was_away_is_not_at_fault(house: House, at: int) -> None:
    """The lane comes back after so many runs of the search."""
    runs = 0

    def fails_at_first(rows: Rows) -> NDArray[np.float64]:
        nonlocal runs
        runs += 1
        if runs <= at:
            raise BackendError("away")
        return scored(rows)

    assert await house.settle(fails_at_first) == ([1.0, 7.0, 3.0], True)


async def test_a_run_that_loses_rows_again_is_broken_and_not_flaky(house: House) -> None:
    assert await house.settle(lambda rows: scored(rows)[:1]) == ([1.0, 7.0, 3.0], True), "alone each row is scored"
    assert house.counted("flaky") == 0
    found, broken = await house.settle(lambda rows: np.zeros(len(rows) + 1))
    assert (found, broken) == (["outage"] * 3, True)
    assert house.counted("flaky") == 0


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_while_nobody_can_be_asked_no_row_is_at_fault(house: House, at: int) -> None:
    """The host dies at the first run of the search, or later on."""
    runs = 0

    def away(rows: Rows) -> NDArray[np.float64]:
        nonlocal runs
        runs += 1
        raise Away("the lane host is away") if runs > at else BackendError("it failed")

    assert await house.settle(away) == ([None] * 3, at > 0)
    assert runs == at + 1, "it is not asked again and again"


async def test_a_search_that_costs_too_many_runs_leaves_rows_unknown(house: House) -> None:
    def every_other(rows: Rows) -> NDArray[np.float64]:
        if (rows % 2 == 0).any():
            raise BackendError("even")
        return scored(rows)

    found, broken = await house.settle(every_other, np.arange(64, dtype=np.float32)[:, None])
    assert found[:4] == ["even", 1.0, "even", 3.0], "those that were found are at fault nevertheless"
    assert found[-1] is None
    assert len(house.backend.runs) <= 1 + MOST_RUNS + 1 + CONFIRMING
    assert broken


async def test_what_there_is_no_room_for_is_dropped_whole(house: House) -> None:
    told: list[tuple[Sequence[Found], bool]] = []
    for _ in range(WAITING + 2):
        house.search.settle(house.lane, SEVEN, lambda found, broken: told.append((found, broken)))
    await house.search.close()
    assert len(told) == WAITING + 2
    assert told[0] == ([None] * 3, False)


async def test_a_run_that_does_not_come_back_is_no_rows_fault(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_search, "PATIENCE", 0.0)

    async def never(rows: Rows, seconds: float) -> NDArray[np.float64]:
        await asyncio.Event().wait()
        return scored(rows)

    monkeypatch.setattr(house.backend, "run", never)
    assert await house.settle(scored) == ([None] * 3, False)
    assert house.counted("unfinished") == 3
