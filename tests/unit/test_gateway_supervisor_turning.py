"""Turning all workers: every one of them, or none, whatever one of them does."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from gateway.messages import Done, Drop, Load, Order, Remove, Turn
from gateway.served import Served
from gateway.supervisor.tables import Tables
from gateway.supervisor.turning import Turning
from gateway.supervisor.worker_process import WorkerGone
from gateway.supervisor.workers import Workers
from routing.table import Table

SERVED = Served("x", Table("fraud", 2, "1", b"s"), {})


class ScriptedWorker:
    """Carries orders out, or has a reason not to."""

    def __init__(self, slot: int, log: list[tuple[int, str]]) -> None:
        self.slot, self.pid = slot, 4711
        self.failure: Done | Exception | None = None
        self._log = log

    async def ask(self, order: Callable[[int], Order], patience: float) -> Done:
        given = order(1)
        self._log.append((self.slot, type(given).__name__))
        await asyncio.sleep(0)
        if isinstance(given, Load) and self.failure is not None:
            if isinstance(self.failure, Exception):
                raise self.failure
            return self.failure
        assert isinstance(given, Load | Turn | Drop | Remove)
        return Done(given.id)


class House:
    """Two workers and the tables, as far as turning looks at them."""

    def __init__(self) -> None:
        self.log: list[tuple[int, str]] = []
        self.ready = [ScriptedWorker(slot, self.log) for slot in (0, 1)]
        self.told: list[str] = []
        self.current: dict[str, Served] = {}

    def adopt(self, served: Served) -> None:
        assert served is SERVED
        self.log.append((-1, "adopt"))

    def forget(self, name: str) -> None:
        self.log.append((-1, "forget"))

    async def apply(self) -> str:
        turning = Turning(cast(Workers, cast(Any, self)), cast(Tables, cast(Any, self)))
        return await turning.apply(SERVED, None, 5.0, self.told.append)


async def test_all_load_then_the_table_is_adopted_then_all_turn() -> None:
    house = House()
    assert await house.apply() == ""
    assert house.log == [(0, "Load"), (1, "Load"), (-1, "adopt"), (0, "Turn"), (1, "Turn")]
    assert len(house.told) == 2


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Done(1, "golden rows are off"), "worker 1: golden rows are off"),
        (TimeoutError(), "worker 1 has not loaded it within 5 s"),
        (WorkerGone("it ended"), r"worker 1 \(pid 4711\) ended while it loaded"),
    ],
)
async def test_when_one_cannot_none_turns(failure: Done | Exception, reason: str) -> None:
    house = House()
    house.ready[1].failure = failure
    assert await house.apply() == reason.replace("\\", "")
    assert house.log == [(0, "Load"), (1, "Load"), (0, "Drop"), (1, "Drop")]


async def test_the_next_in_the_slot_of_one_that_died_comes_up_with_what_is_current() -> None:
    house = House()
    house.ready = house.ready[:1]
    assert await house.apply() == ""
    assert house.log == [(0, "Load"), (-1, "adopt"), (0, "Turn")]


async def test_an_end_is_remembered_before_it_is_told() -> None:
    house = House()
    await Turning(cast(Workers, cast(Any, house)), cast(Tables, cast(Any, house))).end("fraud")
    assert house.log == [(-1, "forget"), (0, "Remove"), (1, "Remove")]
