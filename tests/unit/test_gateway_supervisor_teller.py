"""What a gateway says to whoever leads: every window, and its table only when all workers have it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from gateway.messages import Arm, Done, Hear, Noted, Order, Standing
from gateway.supervisor import teller as module
from gateway.supervisor.follower import Follower, Trouble
from gateway.supervisor.tables import Tables
from gateway.supervisor.teller import Teller
from gateway.supervisor.worker_process import WorkerGone
from gateway.supervisor.workers import Workers
from monitoring import metrics
from monitoring.exposition import read_totals
from monitoring.series import SeriesFile
from routing.control.errors import ControlError
from routing.control.memory_feed import MemoryFeed
from routing.control.window_bytes import encode_window
from routing.rollout import Rollout
from routing.window import Window
from tests.unit.followed_rollouts import CURRENT, ROLLOUT


class ScriptedWorker:
    """Says what it serves, and a window more each time."""

    def __init__(self, name: str) -> None:
        self.name, self.running, self.gone = name, True, False
        self.number, self.trouble = 4, ""
        self.arms: list[Arm] = []
        self.sequence = 0
        self.leases: list[dict[str, float]] = []
        self.slow: asyncio.Event | None = None

    async def ask(self, order: Callable[[int], Order], patience: float) -> Done:
        asked = order(1)
        assert isinstance(asked, Hear)
        self.leases.append(asked.leases)
        if self.gone:
            raise WorkerGone("it ended")
        if self.slow is not None:
            await self.slow.wait()
        self.sequence += 1
        window = Window(self.name, self.sequence, 10.0 * self.sequence, 9.0, step=2)
        standing = Standing("fraud", self.number, [Arm("champion", "1", "a", 1.0, self.trouble), *self.arms])
        return Done(1, standings=[standing], noted=[Noted("fraud", "r", encode_window(window))])


class LameFeed(MemoryFeed):
    """Can be away."""

    away = False

    async def send(self, rollout: str, window: Window) -> None:
        if self.away:
            raise ControlError("away")
        await super().send(rollout, window)


class House:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.feed = LameFeed()
        self.current = {"fraud": CURRENT}
        self.ready = [ScriptedWorker("a"), ScriptedWorker("b")]
        self.troubles: dict[str, Trouble] = {}
        self.rollouts: dict[str, Rollout] = {}
        self.moved = asyncio.Event()
        us = cast(Any, self)
        series = SeriesFile(directory, "supervisor")
        self.teller = Teller("g", self.feed, cast(Follower, us), cast(Tables, us), cast(Workers, us), series)

    def leases(self) -> dict[str, float]:
        return {"fraud": 7.0}

    def taken_out(self, name: str) -> str:
        return f"{name}'s last"

    async def sent(self) -> list[tuple[str, int, bool]]:
        return [(one.worker, one.sequence, one.last) for _, one in await self.feed.after("r", "", 100)]

    async def table(self) -> int:
        return (await self.feed.standings("fraud"))["g"].table


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_every_round_renews_the_leases_and_sends_the_windows(house: House) -> None:
    await house.teller.tell()
    await house.teller.tell()
    assert await house.sent() == [("a", 1, False), ("b", 1, False), ("a", 2, False), ("b", 2, False)]
    assert house.ready[0].leases == [{"fraud": 7.0}] * 2
    standing = (await house.feed.standings("fraud"))["g"]
    assert (standing.table, standing.champion, standing.champion_digest) == (4, "1", "a")
    assert standing.policy == CURRENT.declared().policy_digest


async def test_a_weight_that_has_lapsed_in_any_worker_is_told(house: House) -> None:
    for lapsed in (False, True):
        house.ready[1].arms = [Arm("canary", "2", "b", 0.05, lapsed=lapsed)]
        await house.teller.tell()
        standing = (await house.feed.standings("fraud"))["g"]
        assert (standing.lapsed, standing.table) == (lapsed, 4), "the table is served all the same"


async def test_a_table_stands_when_every_worker_has_all_of_its_arms(house: House) -> None:
    house.ready[1].number = 3
    await house.teller.tell()
    assert await house.table() == 0
    house.ready[1].number = 4
    house.ready[1].trouble = "its lane host died"
    await house.teller.tell()
    assert await house.table() == 0
    house.ready[1].trouble = ""
    await house.teller.tell()
    assert await house.table() == 4
    house.ready[1].gone = True
    await house.teller.tell()
    assert await house.table() == 0
    house.ready.clear()
    await house.teller.tell()
    assert await house.table() == 0


async def test_only_the_champion_and_the_candidate_have_to_be_ready(house: House) -> None:
    house.ready[0].arms = [Arm("shadow", "7", "s", 0.0, "its lane host died"), Arm("shadow", "2", "b", 0.0)]
    await house.teller.tell()
    assert await house.table() == 4, "a shadow that has nothing to do with a rollout keeps none from going on, or back"
    house.rollouts["fraud"] = ROLLOUT
    await house.teller.tell()
    assert await house.table() == 4
    house.ready[0].arms[1] = Arm("shadow", "2", "b", 0.0, "it is starting")
    await house.teller.tell()
    assert await house.table() == 0


async def test_a_worker_that_answers_late_is_heard_late_and_holds_nobody_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROUND", 0.01)
    slow = house.ready[1].slow = asyncio.Event()
    await house.teller.tell()
    assert await house.sent() == [("a", 1, False)]
    slow.set()
    house.ready[1].slow = None
    await house.teller.tell()
    assert await house.sent() == [("a", 1, False), ("b", 1, False), ("a", 2, False), ("b", 2, False)]


async def test_what_cannot_be_sent_is_sent_later_in_order(house: House) -> None:
    house.feed.away = True
    for _ in range(2):
        with pytest.raises(ControlError):
            await house.teller.tell()
    assert len(house.ready[0].leases) == 2, "the workers are told all the same"
    house.feed.away = False
    await house.teller.tell()
    assert [(worker, sequence) for worker, sequence, _ in await house.sent() if worker == "a"] == [
        ("a", 1),
        ("a", 2),
        ("a", 3),
    ]


async def test_what_is_found_out_before_the_shared_clock_was_seen_is_not_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = AsyncMock(side_effect=ControlError("away"))
    with monkeypatch.context() as patch:
        patch.setattr(house.feed, "now", away)
        with pytest.raises(ControlError):
            await house.teller.tell()
    assert len(house.ready[0].leases) == 1
    await house.teller.tell()
    assert [sequence for _, sequence, _ in await house.sent()] == [2, 2]


async def test_what_waits_is_bounded_and_what_is_lost_is_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    house.feed.away = True
    for _ in range(3):
        with pytest.raises(ControlError):
            await house.teller.tell()
    house.feed.away = False
    await house.teller.tell()
    assert len(await house.sent()) == 3
    lost = read_totals(house.directory)[metrics.WINDOWS_LOST.name]
    assert [values[0] for values in lost.values()] == [5.0]


async def test_of_a_worker_that_has_ended_the_judge_is_told_once(house: House) -> None:
    await house.teller.tell()
    house.ready.pop(0).running = False
    await house.teller.tell()
    await house.teller.tell()
    assert [one for one in await house.sent() if one[0] == "a"] == [("a", 1, False), ("a", 2, True)]


async def test_what_is_given_up_is_said(house: House) -> None:
    house.troubles["fraud"] = Trouble(5, "golden rows are off", given_up=False)
    await house.teller.tell()
    standing = (await house.feed.standings("fraud"))["g"]
    assert (standing.refused, standing.trouble) == (0, "golden rows are off")
    house.troubles["fraud"] = Trouble(5, "golden rows are off")
    await house.teller.tell()
    assert (await house.feed.standings("fraud"))["g"].refused == 5
