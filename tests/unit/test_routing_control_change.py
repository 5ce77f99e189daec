"""Leaders that crash, sleep and come back, and people in between: no transition is lost, doubled or taken back."""

import contextlib
import itertools
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from routing.control.change import look
from routing.control.commands import end, start, undo
from routing.control.errors import Fenced, Refused, Stale
from routing.control.memory_store import MemoryStore
from routing.control.store import Kept
from routing.rollout import FINAL, Facts, Rollout, State, table_of
from routing.schedule import Stage, Step, schedule
from routing.verdict import Verdict, cannot_tell, fail, passes

SCHEDULE = schedule([Step(Stage.SHADOW, 0), Step(Stage.CANARY, 500, approval=True), Step(Stage.CANARY, 2_000)])
T = TypeVar("T")
VERDICTS = [passes("fine"), passes("fine"), fail("faults", "too many"), cannot_tell("no traffic")]
BACK = {State.ROLLING_BACK, State.ROLLED_BACK, State.ABORTED}


def wanted(name: str = "r0") -> Rollout:
    return Rollout(name, "fraud", "1", "2", SCHEDULE, b"salt", "ada", table=1, begun=0.0, since=0.0)


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it to its end: a store in memory never makes anybody wait."""
    try:
        coroutine.send(None)
    except StopIteration as end_of_it:
        return end_of_it.value  # type: ignore[no-any-return]
    raise AssertionError("it waits for something")


async def test_a_second_rollout_is_refused_while_one_runs() -> None:
    store = MemoryStore(lambda: 0.0)
    await start(store, wanted(), "ada", 0.0)
    with pytest.raises(Refused) as refused:
        await start(store, wanted("r1"), "bob", 1.0)
    steps = len(wanted().schedule.steps)
    assert str(refused.value) == (
        f"rollout r0 of fraud runs already (pending, step 1 of {steps}): `sluice rollout watch fraud` shows it; another"
        " may begin when it is over, or after `sluice rollout abort fraud --reason WHY`"
    )
    await end(store, "fraud", "ada", "a mistake", 2.0)
    with pytest.raises(Refused, match=r"\(rolling back, .* another may begin when it has gone back$"):
        await start(store, wanted("r1"), "bob", 3.0)
    kept = await store.read("fraud")
    await look(store, kept, Facts(VERDICTS[0], acknowledged=True), 4.0, 0)
    kept = await start(store, wanted("r1"), "bob", 5.0)
    assert kept.rollout is not None
    assert (kept.rollout.name, kept.rollout.table) == ("r1", 3)
    assert [one.by for one in await store.history("fraud", 9)] == ["ada", "ada", "judge", "bob"]


async def test_only_what_runs_can_be_ended_and_only_what_has_not_gone_back_undone() -> None:
    store = MemoryStore(lambda: 0.0)
    with pytest.raises(Refused, match="no rollout of fraud is running"):
        await end(store, "fraud", "ada", "?", 0.0)
    with pytest.raises(Refused, match="fraud has had no rollout yet"):
        await undo(store, "fraud", "ada", "?", 0.0)
    await start(store, wanted(), "ada", 0.0)
    kept = await undo(store, "fraud", "bob", "too risky", 1.0)
    assert kept.rollout is not None
    assert (kept.rollout.state, kept.rollout.reason) == (State.ROLLING_BACK, "undone by bob: too risky")
    assert (await undo(store, "fraud", "bob", "again", 2.0)).version == kept.version, "it is on its way"


class Leaders(RuleBasedStateMachine):
    """Two processes that may lead, each with what it read last, and people who do not ask them."""

    processes = Bundle("processes")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.store = MemoryStore(lambda: self.now)
        self.read: dict[str, Kept] = {}
        self.fence: dict[str, int] = {}
        self.started = 0

    @initialize(target=processes)
    def one(self) -> str:
        return "a"

    @initialize(target=processes)
    def another(self) -> str:
        return "b"

    @rule(seconds=st.sampled_from([0.5, 2.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(process=processes)
    def tries_to_lead(self, process: str) -> None:
        self.fence[process] = done(self.store.lead(process, 5.0))

    @rule(process=processes)
    def reads(self, process: str) -> None:
        self.read[process] = done(self.store.read("fraud"))

    @rule(
        process=processes,
        verdict=st.sampled_from(VERDICTS),
        acknowledged=st.booleans(),
        approved=st.sampled_from(["", "grace"]),
        times=st.integers(1, 8),
    )
    def looks(self, process: str, verdict: Verdict, acknowledged: bool, approved: str, times: int) -> None:
        """Also one that slept since it read, or that leads no more and does not know."""
        for _ in range(times):
            if not self.fence.get(process) or process not in self.read:
                return
            facts = Facts(verdict, acknowledged, approved)
            try:
                self.read[process] = done(look(self.store, self.read[process], facts, self.now, self.fence[process]))
            except Stale:
                self.read.pop(process)
            except Fenced:
                self.fence.pop(process)

    @rule(process=processes)
    def crashes(self, process: str) -> None:
        self.read.pop(process, None)
        self.fence.pop(process, None)

    @rule()
    def somebody_starts_one(self) -> None:
        try:
            done(start(self.store, wanted(f"r{self.started}"), "ada", self.now))
            self.started += 1
        except Refused:
            present = done(self.store.read("fraud")).rollout
            assert present is not None
            assert not present.over

    @rule()
    def somebody_ends_it(self) -> None:
        with contextlib.suppress(Refused):
            done(end(self.store, "fraud", "ada", "no", self.now))

    @rule()
    def somebody_undoes_it(self) -> None:
        with contextlib.suppress(Refused):
            done(undo(self.store, "fraud", "ada", "no", self.now))

    @invariant()
    def the_log_tells_one_story(self) -> None:
        events = done(self.store.history("fraud", 10_000))
        kept = done(self.store.read("fraud"))
        assert len(events) == kept.version
        assert kept.rollout == (events[-1].rollout if events else None)
        for before, event in itertools.pairwise(events):
            was, now = before.rollout, event.rollout
            assert event.before == was.state
            if was.name != now.name:
                assert was.over
                assert now.table > was.table
                continue
            assert (was.state in FINAL) <= (now.state is State.ROLLING_BACK), "only undoing leaves an end"
            assert was.state not in BACK or now.state in BACK, "what went back stays back"
            assert now.table - was.table in (0, 1)
            if now.table == was.table:
                assert table_of(now, 0.5) == table_of(was, 0.5)


TestLeaders = Leaders.TestCase
TestLeaders.settings = settings(stateful_step_count=60)
