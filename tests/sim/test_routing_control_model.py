"""Leaders and gateways in any order, with crashes, sleep and a Redis that forgets: what must never happen does not.

Two real leaders that can stop between any two words to Redis, gateways that decide as the shipped ones do, people in
between. Hypothesis draws the interleavings; after each of them everything may come to rest, and then has to.
"""

import contextlib
import itertools
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.lease import TERM
from gateway.supervisor.following import TAKEN_OUT
from routing.control.commands import end, start, undo
from routing.control.errors import Refused
from routing.control.feed import live
from routing.control.leader import LEASE, Leader
from routing.control.memory_notes import MemoryNotes
from routing.control.plane import Known, Plane
from routing.control.signed import Asked, sign
from routing.declared import read_rollout
from routing.judge import GONE
from routing.rollout import Rollout, State
from tests.sim.control_story import is_a_step
from tests.sim.control_world import CALLS, GATEWAYS, Clock, ControlRedis, Gateway, Sleepy, done
from tests.unit.control_house import GRACE, KEY

READ = read_rollout(
    {
        "shadow": {"pairs": 5, "minutes": 0.0},
        "steps": [{"weight": 0.1, "units": 4}, {"weight": 0.5, "units": 4, "approval": True}],
        "held_back": [{"share": 0.1, "minutes": 0.5}],
        "guards": {"row_faults": {}, "slower": {}},
        "promote": {"ceiling": 0.5},
    }
)
# Epochs that end within a test; people may not declare ones so short.
DECLARED = replace(READ, sticky_for=72.0)
LEADERS = st.sampled_from(["a", "b"])
PLACES = st.sampled_from(GATEWAYS)


class Control(RuleBasedStateMachine):
    """One deployment, two who may lead it, two gateways that serve it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.redis = ControlRedis(self.clock)
        self.notes = MemoryNotes(lambda: self.clock.now)
        self.skew = {"a": 0.0, "b": 0.0}
        self.leaders = {name: self.new_leader(name) for name in self.skew}
        self.ticks: dict[str, Coroutine[Any, Any, bool]] = {}
        self.gateways = {
            name: Gateway(name, self.clock, self.redis, unit=number) for number, name in enumerate(GATEWAYS)
        }
        self.tables = dict.fromkeys(GATEWAYS, 0)
        self.turned_away: set[tuple[str, str]] = set()
        self.taken_out_at: dict[str, float] = {}
        self.bad: set[str] = set()
        self.started = 0

    def new_leader(self, name: str) -> Leader:
        known = Known({"grace": GRACE}, {"fraud": DECLARED})
        redis: Any = Sleepy(self.redis)
        clock = lambda: self.clock.now + self.skew[name]  # noqa: E731  # it is this leader's own
        return Leader(name, Plane(redis, redis, self.notes, lambda: known, clock))

    @initialize(rounds=st.integers(0, 30), name=LEADERS)
    def a_rollout_is_under_way(self, rounds: int, name: str) -> None:
        self.somebody_starts_a_rollout()
        self.all_goes_well(rounds, name, approved=True)

    @property
    def rollout(self) -> Rollout | None:
        return done(self.redis.read("fraud")).rollout

    # Leaders.

    @rule(name=LEADERS, words=st.integers(1, 9))
    def a_leader_works_and_falls_asleep(self, name: str, words: int) -> None:
        tick = self.ticks.pop(name, None) or self.leaders[name].tick()
        try:
            for _ in range(words):
                tick.send(None)
        except StopIteration:
            return
        self.ticks[name] = tick

    @rule(name=LEADERS)
    def a_leader_works_to_the_end(self, name: str) -> None:
        done(self.ticks.pop(name, None) or self.leaders[name].tick())

    @rule(name=LEADERS)
    def a_leader_crashes(self, name: str) -> None:
        if (tick := self.ticks.pop(name, None)) is not None:
            tick.close()
        self.leaders[name] = self.new_leader(name)

    @rule(name=LEADERS, skew=st.sampled_from([-3_600.0, -2.0, 0.0, 0.0, 2.0, 3_600.0]))
    def a_leaders_clock_jumps(self, name: str, skew: float) -> None:
        self.skew[name] = skew

    # Gateways.

    @rule(place=PLACES)
    def a_gateway_looks(self, place: str) -> None:
        self.gateways[place].look()

    @rule(place=PLACES)
    def a_gateway_has_loaded(self, place: str) -> None:
        self.gateways[place].load()

    @rule(place=PLACES)
    def a_gateway_reports(self, place: str) -> None:
        self.gateways[place].report()

    @rule(place=PLACES, bad=st.sampled_from([0, 0, CALLS]), times=st.integers(1, 3))
    def a_gateway_sees_calls(self, place: str, bad: int, times: int) -> None:
        gateway = self.gateways[place]
        for _ in range(times):
            gateway.watch(bad)
        if bad and gateway.current.part is not None and gateway.canary_weight:
            self.bad.add(gateway.current.part.rollout)

    @rule(place=PLACES, count=st.integers(0, 3), again=st.booleans())
    def a_gateway_flushes(self, place: str, count: int, again: bool) -> None:
        self.gateways[place].send(count)
        if again:
            self.gateways[place].send_again()

    @rule(place=PLACES)
    def a_gateway_restarts(self, place: str) -> None:
        self.gateways[place].restart()

    @rule(place=PLACES, cannot=st.booleans())
    def a_bundle_comes_or_goes(self, place: str, cannot: bool) -> None:
        self.gateways[place].cannot_load = cannot

    # People.

    @rule()
    def somebody_starts_a_rollout(self) -> None:
        for gateway in self.gateways.values():
            gateway.report()
        here = live(done(self.redis.standings("fraud")), self.clock.now)
        champions = {one.champion for one in here.values()}
        if len(champions) != 1:
            return
        self.started += 1
        (champion,) = champions
        digest = next(gateway.current.digests[champion] for gateway in self.gateways.values())
        wanted = Rollout(
            f"r{self.started}",
            "fraud",
            champion,
            f"v{self.started}",
            DECLARED.schedule,
            b"salt",
            "ada",
            table=1 + max(one.table for one in here.values()),
            begun=self.clock.now,
            since=self.clock.now,
            digests={"bundle": f"d{self.started}", "champion": digest, "report": "none"},
        )
        with contextlib.suppress(Refused):
            done(start(self.redis, wanted, "ada", self.clock.now))

    @rule()
    def somebody_approves(self) -> None:
        rollout, now = self.rollout, self.clock.now
        if rollout is not None:
            asked = Asked(
                "approve", "fraud", rollout.name, now, now + 99.0, step=rollout.at + 1, digests=rollout.digests
            )
            done(self.notes.approve(rollout.name, sign("grace", KEY, asked)))

    @rule(deed=st.sampled_from([end, undo]))
    def somebody_ends_it(self, deed: Any) -> None:
        with contextlib.suppress(Refused):
            done(deed(self.redis, "fraud", "ada", "no", self.clock.now))

    # The world.

    @rule(seconds=st.sampled_from([0.5, 2.0, 6.0, 11.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @precondition(lambda self: self.redis.snapshots)
    @rule(back=st.integers(1, 3))
    def redis_forgets(self, back: int) -> None:
        self.redis.fail_over(back)

    @rule(rounds=st.integers(1, 12), name=LEADERS, approved=st.booleans())
    def all_goes_well(self, rounds: int, name: str, approved: bool) -> None:
        for _ in range(rounds):
            if approved:
                self.somebody_approves()
            self.half_a_second(name, bad=0)

    @rule(name=LEADERS)
    def it_comes_to_rest(self, name: str) -> None:
        """Whatever was before: half a minute later everybody serves the same, and nobody what was taken out."""
        for one in self.skew:
            self.a_leader_crashes(one)
            self.skew[one] = 0.0
        for gateway in self.gateways.values():
            gateway.cannot_load = False
        for _ in range(round(2 * (LEASE + GONE + TERM))):
            self.half_a_second(name, bad=0)
        for gateway in self.gateways.values():
            gateway.look()
            gateway.load()
        rollout = self.rollout
        assert rollout is None or rollout.state is not State.ROLLING_BACK
        ours = [gateway.current for gateway in self.gateways.values() if gateway.current.part is not None]
        if rollout is None or not all(one.part is not None and one.part.rollout == rollout.name for one in ours):
            return
        if len(ours) == len(self.gateways):
            assert {one.table.number for one in ours} == {rollout.table}, rollout

    @precondition(lambda self: self.rollout is not None and self.rollout.state is State.CANARY)
    @rule(name=LEADERS)
    def it_is_bad_all_the_while(self, name: str) -> None:
        """Whatever was before: who is bad is out half a minute later."""
        rollout = self.rollout
        assert rollout is not None
        for one in self.skew:
            self.a_leader_crashes(one)
            self.skew[one] = 0.0
        for _ in range(round(2 * (LEASE + GONE + TERM))):
            self.half_a_second(name, bad=CALLS)
        after = self.rollout
        assert after is not None
        assert after.name == rollout.name
        assert after.state in TAKEN_OUT

    def half_a_second(self, name: str, bad: int) -> None:
        self.clock.now += 0.5
        for place, gateway in self.gateways.items():
            gateway.look()
            gateway.load()
            self.a_gateway_sees_calls(place, bad, 1)
            gateway.send(99)
            gateway.report()
        self.nothing_that_was_taken_out_comes_back()
        done(self.ticks.pop(name, None) or self.leaders[name].tick())

    # What holds at every moment.

    @invariant()
    def the_log_tells_one_story(self) -> None:
        events = done(self.redis.history("fraud", 100_000))
        kept = done(self.redis.read("fraud"))
        assert events == self.redis.acknowledged, "what was acknowledged and not forgotten is there, once"
        assert len(events) == kept.version
        assert kept.rollout == (events[-1].rollout if events else None)
        for before, event in itertools.pairwise(events):
            is_a_step(before.rollout, event)

    @invariant()
    def no_gateway_goes_back(self) -> None:
        for name, gateway in self.gateways.items():
            number = gateway.current.table.number
            assert number >= self.tables[name]
            self.tables[name] = number

    @invariant()
    def nothing_that_was_taken_out_comes_back(self) -> None:
        """A gateway that has heard of it gives the candidate no unit, and once it serves another table, never does."""
        for name, gateway in self.gateways.items():
            part = gateway.current.part
            if part is None:
                continue
            if part.rollout not in gateway.condemned:
                continue
            assert gateway.canary_weight == 0
            if f"v{part.rollout[1:]}" not in gateway.current.table.versions:
                self.turned_away.add((name, part.rollout))
            else:
                assert (name, part.rollout) not in self.turned_away

    @invariant()
    def what_is_taken_out_is_out_everywhere_when_the_lease_has_ended(self) -> None:
        rollout = self.rollout
        if rollout is None or rollout.state not in TAKEN_OUT:
            self.taken_out_at.clear()
            return
        since = self.taken_out_at.setdefault(rollout.name, self.clock.now)
        if self.clock.now - since > TERM:
            for gateway in self.gateways.values():
                part = gateway.current.part
                assert part is None or part.rollout != rollout.name or gateway.canary_weight == 0

    @invariant()
    def nobody_innocent_is_found_guilty(self) -> None:
        rollout = self.rollout
        if rollout is not None and rollout.reason.startswith("row_faults"):
            assert rollout.name in self.bad


TestControl = Control.TestCase
TestControl.settings = settings(stateful_step_count=40)
