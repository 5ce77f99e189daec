"""Following rollouts: tables are applied once, taken back at once, tried again where they must be, and leases lapse."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.lease import TERM
from gateway.served import Served
from gateway.supervisor.condemned import Condemned
from gateway.supervisor.follower import POLL, TRIES, Follower
from gateway.supervisor.tables import Tables
from gateway.supervisor.turning import Turning
from gateway.testing.manual_clock import ManualClock
from monitoring import metrics
from monitoring.series import SeriesFile
from routing.control.event import Event
from routing.control.memory_store import MemoryStore
from routing.rollout import Rollout, State
from tests.unit.followed_rollouts import CANARY, CURRENT, ROLLOUT


class House:
    """A follower whose tables are turned to at once, unless `failure` says why not or `slow` holds it up."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)
        self.current = {"fraud": CURRENT}
        self.applied: list[int] = []
        self.failure = ""
        self.slow: asyncio.Event | None = None
        self.condemned = Condemned(directory / "condemned.json")
        self.gauge = SeriesFile(directory, "supervisor").gauge(metrics.CONTROL_HEARD)
        tables, turning = cast(Tables, cast(Any, self)), cast(Turning, cast(Any, self))
        self.follower = Follower(self.store, tables, turning, self.condemned, self.gauge)

    async def apply(self, served: Served, instead_of: Served, patience: float, say: object) -> str:
        self.applied.append(served.table.number)
        if self.slow is not None:
            await self.slow.wait()
        if not self.failure:
            self.current["fraud"] = served
        return self.failure

    async def keep(self, rollout: Rollout) -> None:
        kept = await self.store.read("fraud")
        await self.store.write(kept, Event(rollout, "", "ada", 0.0), 0)

    async def look(self) -> None:
        await self.follower.look()
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_a_rollout_s_table_is_applied_once(house: House) -> None:
    await house.look()
    assert house.applied == []
    await house.keep(ROLLOUT)
    await house.look()
    await house.look()
    assert house.applied == [5]
    assert house.current["fraud"].table.number == 5


async def test_while_nobody_leads_no_lease_is_renewed(house: House) -> None:
    await house.keep(CANARY)
    await house.look()
    assert house.follower.leases() == {}
    await house.store.lead("me", 5.0)
    await house.look()
    assert house.follower.leases() == {"fraud": TERM}
    house.follower.heard -= 3 * POLL
    assert house.follower.leases() == {}, "the control Redis has not answered since"


async def test_that_nobody_leads_is_said_when_it_lasts_and_once(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await house.look()
    await house.store.lead("me", 5.0)
    await house.look()
    house.clock.now += 6.0
    await house.look()
    assert caplog.messages == [], "who starts, or takes over, needs a moment"
    monkeypatch.setattr("gateway.supervisor.follower.LEADERLESS", 0.0)
    await house.look()
    await house.look()
    assert caplog.messages == ["rollouts are not steered"]


@pytest.mark.parametrize("state", [State.ROLLING_BACK, State.ROLLED_BACK, State.ABORTED])
async def test_what_is_taken_out_loses_its_weight_at_once_and_is_remembered(house: House, state: State) -> None:
    await house.keep(CANARY)
    await house.look()
    house.slow = asyncio.Event()
    await house.keep(replace(CANARY, state=state, table=8))
    await house.look()
    assert house.follower.moved.is_set()
    assert house.follower.leases() == {"fraud": 0.0}
    again = Condemned(house.condemned._path)
    again.read()
    assert again.digests == {"r": "b"}


async def test_a_rollback_does_not_wait_for_a_table_that_is_only_being_loaded(house: House) -> None:
    house.slow = asyncio.Event()
    await house.keep(CANARY)
    await house.look()
    assert house.applied == [7]
    assert house.current["fraud"] is CURRENT
    house.slow = None
    await house.keep(replace(CANARY, state=State.ROLLING_BACK, table=8))
    await house.look()
    assert house.applied == [7, 8]
    assert house.current["fraud"].table.number == 8


async def test_a_candidate_that_cannot_be_served_is_tried_again_and_then_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.supervisor.follower.AGAIN", 0.0)
    house.failure = "golden rows are off"
    await house.keep(ROLLOUT)
    given_up = []
    for _ in range(TRIES + 3):
        await house.look()
        given_up.append(house.follower.troubles["fraud"].given_up)
    assert given_up[:TRIES] == [False, False, True]
    assert house.applied == [5] * TRIES
    assert house.follower.troubles["fraud"].reason == "golden rows are off"


@pytest.mark.parametrize("state", [State.ROLLING_BACK, State.DONE])
async def test_what_nobody_takes_back_is_tried_again_and_again(
    house: House, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    monkeypatch.setattr("gateway.supervisor.follower.AGAIN", 0.0)
    house.failure = "a worker ended"
    await house.keep(replace(CANARY, state=state, table=8))
    for _ in range(3 * TRIES):
        await house.look()
    assert house.applied == [8] * 3 * TRIES
    house.failure = ""
    await house.look()
    assert house.follower.troubles == {}
    assert house.current["fraud"].table.number == 8


async def test_what_could_not_be_kept_of_the_past_does_not_keep_a_gateway_from_following(tmp_path: Path) -> None:
    path = tmp_path / "condemned.json"
    path.write_text("no json")
    condemned = Condemned(path)
    condemned.read()
    condemned.add("q", "d")
    assert condemned.digests == {"q": "d"}
    again = Condemned(path)
    again.read()
    assert again.digests == {"q": "d"}


async def test_what_was_taken_out_gets_no_weight_from_a_redis_that_has_forgotten_it(house: House) -> None:
    for rollout in (CANARY, replace(CANARY, state=State.ROLLING_BACK, table=8)):
        house.failure = "still loading" if rollout.state is State.ROLLING_BACK else ""
        await house.keep(rollout)
        await house.store.lead("a", 5.0)
        await house.look()
    assert house.follower.taken_out("fraud") == "r"
    await house.keep(CANARY)
    await house.look()
    assert house.current["fraud"].table.number == CANARY.table, "its way back was never served"
    assert house.follower.leases() == {"fraud": 0.0}
    assert house.follower.taken_out("fraud") == "r", "so that whoever leads may know"


async def test_a_canary_whose_rollout_is_forgotten_lapses(house: House) -> None:
    await house.keep(CANARY)
    await house.store.lead("a", 5.0)
    await house.look()
    assert house.follower.leases() == {"fraud": TERM}
    await house.keep(replace(CANARY, name="q", state=State.DONE, table=6))
    await house.look()
    assert house.follower.leases() == {"fraud": 0.0}, "another one's word is none for this one"
    house.store._kept.clear()
    await house.look()
    assert house.follower.leases() == {}
    assert house.follower.taken_out("fraud") == ""


async def test_a_canary_that_whoever_leads_cannot_judge_lapses(house: House) -> None:
    await house.keep(CANARY)
    await house.store.lead("a", 5.0, {"fraud"})
    await house.look()
    assert house.follower.leases() == {}
    await house.store.lead("a", 5.0, {"quotes"})
    await house.look()
    assert house.follower.leases() == {"fraud": TERM}


async def test_a_canary_whose_rollout_nobody_understands_lapses_and_keeps_no_other_from_being_followed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.keep(CANARY)
    await house.store.lead("a", 5.0)
    await house.look()
    assert house.follower.leases() == {"fraud": TERM}
    monkeypatch.setattr(house.store, "read", lambda name: 1 / 0)
    await house.look()
    assert house.follower.leases() == {}
