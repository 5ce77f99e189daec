"""Rollouts under traffic: what is bad is taken out by itself, who is innocent stays, and nobody's control is needed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from loadtests.faults.arm_calls import arm_calls
from loadtests.faults.ending import RESCUED
from loadtests.faults.expectation import Expectation, at_least, at_most
from loadtests.faults.journal import Calls
from loadtests.faults.ledger import GOOD
from loadtests.faults.observing import mostly, none_failed, observed
from loadtests.faults.plan import Plan
from loadtests.faults.rollout_ground import Moment, ground_of
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.script import Deed
from loadtests.faults.stage import Stage

_CALM, _AFTER = 4.0, 4.0


def _canary(weight: float) -> dict[str, Any]:
    return {"steps": [{"weight": weight, "units": 100_000, "minutes": 600}]}


def fails(stage: Stage) -> Observed:
    """Every call of the canary begins to fail."""
    return _found_out(stage, "rollout-fails", 1.0, bound=2.0)


def errors(stage: Stage) -> Observed:
    """One call in twenty begins to fail, if it is the canary's."""
    return _found_out(stage, "rollout-errors", 0.05, bound=30.0)


def _found_out(stage: Stage, name: str, odd: float, bound: float) -> Observed:
    bad, seconds = Moment(), _AFTER + stage.plan.span(min(bound, 15.0), bound)
    with ground_of(stage, name, ("--trait", "fails"), _canary(0.05)) as ground:
        run = ground.offer([(_CALM, 0.0), (seconds, odd)], [Deed(_CALM, "turns bad", bad.note)])
        events, verdict = ground.plane.events("fraud"), ground.plane.state("fraud").get("verdict")
    expected = [
        none_failed(run.calls),
        mostly(run.calls, 0.99, *GOOD),
        at_most("rolled back after", _taken_out(events) - bad.at, bound, "s"),
        at_most("out of every worker after", _last_rescued(run.calls) - run.moments["turns bad"], bound, "s"),
    ]
    return observed(run, {}, expected, {"why": _why(events), "verdict": verdict})


def slow(stage: Stage) -> Observed:
    """The candidate takes more than twice the champion's time, from the beginning."""
    rollout = {
        "shadow": {"rate": 0.05, "pairs": 1_000_000, "minutes": 0.02},
        "guards": {"row_faults": {}, "slower": {}},
    }
    started, bound = Moment(), stage.plan.span(30.0, 60.0)
    with ground_of(stage, "rollout-slow", ("--trait", "slow-run", "--ms", "0.3", "--always"), rollout, 0) as ground:
        run = ground.offer([(bound, 0.0)], [Deed(0.0, "calls begin", started.note)])
        events = ground.plane.events("fraud")
    out = _taken_out(events) - started.at
    expected = [none_failed(run.calls), mostly(run.calls, 0.99, *GOOD), at_most("rolled back after", out, bound, "s")]
    return observed(run, {}, expected, {"why": _why(events)})


def brownout(stage: Stage) -> Observed:
    """The feature store freezes again and again while an innocent canary answers a fifth of the units."""
    frozen, calm, times = stage.plan.span(3.0, 10.0), stage.plan.span(3.0, 10.0), 2
    with ground_of(stage, "rollout-brownout", ("--trait", "fails"), _canary(0.2)) as ground:
        deeds = []
        for number in range(times):
            begin = calm + number * (frozen + calm)
            deeds += [Deed(begin, f"frozen {number}", ground.redis.freeze)]
            deeds += [Deed(begin + frozen, f"thawed {number}", ground.redis.thaw)]
        run = ground.offer([(calm + times * (frozen + calm), 0.0)], deeds)
        state = ground.plane.state("fraud")
    expected = [none_failed(run.calls), _stayed(state)]
    return observed(run, {}, expected, {"verdict": state.get("verdict")})


def alike(stage: Stage) -> Observed:
    """A copy of the champion answers a fifth of the units, at all that the workers can do and at twice as much."""
    seconds = stage.plan.span(10.0, 60.0)
    rollout = {"pairs": {"rate": 0.2}, **_canary(0.2), "guards": _ALL_GUARDS}
    with ground_of(stage, "rollout-alike", ("--trait", "alike"), rollout) as ground:
        whole = stage.capacity_of(ground.served, 32)
        stage.say(f"capacity {whole:,.0f} calls/s beside a rollout (closed loop, 32 connections)")
        run = ground.offer_at([(seconds, times * whole, 0.0) for times in (1.0, 2.0)])
        state = ground.plane.state("fraud")
    expected = [_stayed(state), at_least("pairs of the two", float(state["pairs"]), 100, "")]
    known = {"capacity": whole, "verdict": state.get("verdict"), "guards": state.get("guards")}
    return observed(run, {}, expected, known)


def leader_killed(stage: Stage) -> Observed:
    """The control process that leads is killed, and then the canary turns bad."""
    bad, seconds = Moment(), 16.0
    with ground_of(stage, "rollout-leader-killed", ("--trait", "fails"), _canary(0.05), controls=2) as ground:
        deeds = [Deed(_CALM, "leader killed", lambda: ground.plane.kill(0)), Deed(_CALM, "turns bad", bad.note)]
        run = ground.offer([(_CALM, 0.0), (seconds, 1.0)], deeds)
        events = ground.plane.events("fraud")
    expected = [
        none_failed(run.calls),
        at_most("rolled back after", _taken_out(events) - bad.at, 10.0, "s"),
        at_most("transitions doubled", float(_doubled(events)), 0, ""),
    ]
    return observed(run, {}, expected, {"why": _why(events)})


def control_lost(stage: Stage) -> Observed:
    """The control Redis is killed, stays away, and comes back with what it held."""
    away = stage.plan.span(18.0, 40.0)
    with ground_of(stage, "rollout-control-lost", ("--trait", "fails"), _canary(0.2)) as ground:
        counts: dict[str, float] = {}
        control, served = ground.plane.redis, ground.served

        def count(name: str) -> None:
            counts[name] = arm_calls(served.metrics, "canary")

        back = _CALM + away
        deeds = [
            Deed(_CALM, "killed", control.kill),
            Deed(_CALM + 12.0, "lapsed", lambda: count("lapsed")),
            Deed(back - 0.5, "before it is back", lambda: count("before it is back")),
            Deed(back, "back", control.come_back),
            Deed(back + 4.0, "steered again", lambda: count("steered again")),
            Deed(back + 7.0, "end", lambda: count("end")),
        ]
        run = ground.offer([(back + 8.0, 0.0)], deeds)
        state = ground.plane.state("fraud")
    expected = [
        none_failed(run.calls),
        mostly(run.calls, 0.99, *GOOD),
        at_most("the canary's calls once its lease has lapsed", counts["before it is back"] - counts["lapsed"], 0, ""),
        at_least("the canary's calls when it is back", counts["end"] - counts["steered again"], 1, ""),
        _stayed(state),
    ]
    return observed(run, {}, expected, {"counts": counts})


def returns(stage: Stage) -> Observed:
    """A candidate that was promoted regresses minutes later; a tenth of the units is still the old champion's."""
    well, bad = stage.plan.span(10.0, 300.0), Moment()
    rollout = {
        "steps": [{"weight": 0.5, "units": 200, "minutes": 0.05}],
        "promote": {"ceiling": 0.05},
        "held_back": [{"share": 0.1, "minutes": 600}],
    }
    with ground_of(stage, "rollout-returns", ("--trait", "fails"), rollout, step=2) as ground:
        run = ground.offer([(well, 0.0), (20.0, 0.2)], [Deed(well, "turns bad", bad.note)])
        events = ground.plane.events("fraud")
        standing = ground.plane.order("status", "fraud")["deployments"][0]["rollout"]
    expected = [
        none_failed(run.calls),
        at_most("returned to the former champion after", _taken_out(events) - bad.at, 20.0, "s"),
        at_most("the candidate's share in the end", float(standing["weight"]), 0.0, "share"),
    ]
    return observed(run, {}, expected, {"why": _why(events)})


def _taken_out(events: Sequence[Mapping[str, Any]]) -> float:
    """Return when the judge took the candidate out; never is infinity."""
    return min((float(one["at"]) for one in events if one["rollout"]["state"] == "rolling back"), default=np.inf)


def _why(events: Sequence[Mapping[str, Any]]) -> str:
    found = [str(one["rollout"]["reason"]) for one in events if one["rollout"]["state"] == "rolling back"]
    return found[0] if found else ""


def _doubled(events: Sequence[Mapping[str, Any]]) -> int:
    """Return how many transitions stand twice in the log.

    An approval is noted there, and is none; one that has begun may be put above a gateway's own table, and stays so.
    """
    moved = [one for one in events if not one.get("note") and one["rollout"]["state"] != "pending"]
    what = ("state", "step", "settled")
    seen = [tuple(one["rollout"][name] for name in what) for one in moved]
    return len(seen) - len(set(seen))


def _last_rescued(calls: Calls) -> float:
    """Return when the last call was due that another arm had to answer; never is minus infinity."""
    return float(calls.due[calls.kind == RESCUED].max(initial=-np.inf))


def _stayed(state: Mapping[str, Any]) -> Expectation:
    told = f"the rollout goes on ({state['state']}: {state['reason']})"
    return at_least(told, float(state["state"] == "canary"), 1, "")


def _seconds(short: float, long: float) -> Callable[[Plan], float]:
    def seconds(plan: Plan) -> float:
        return plan.span(short, long)

    return seconds


_ALL_GUARDS: Mapping[str, Any] = {name: {} for name in ("row_faults", "contract", "slower", "tail", "flaky")}
_OUT = "answers: the bad calls are rescued, and the canary is taken out by itself"

SCENARIOS = (
    Scenario("rollout-fails", "every call of a canary begins to fail", f"{_OUT} within 2 s", fails, _seconds(60, 60)),
    Scenario(
        "rollout-errors", "5 % of a canary's calls begin to fail", f"{_OUT} within 30 s", errors, _seconds(70, 90)
    ),
    Scenario("rollout-slow", "the candidate is slower", f"{_OUT}, before it answers anybody", slow, _seconds(80, 110)),
    Scenario(
        "rollout-brownout",
        "the feature store freezes twice beside an innocent canary",
        "answers, degraded while it is frozen; the canary stays",
        brownout,
        _seconds(60, 100),
    ),
    Scenario(
        "rollout-alike",
        "a copy of the champion, at all that the workers can do and at twice as much",
        "answers and refusals as under any such load; the canary stays",
        alike,
        _seconds(60, 180),
    ),
    Scenario(
        "rollout-leader-killed",
        "the control process that leads is killed, and the canary turns bad",
        f"{_OUT} by the other one, within 10 s",
        leader_killed,
        _seconds(70, 70),
    ),
    Scenario(
        "rollout-control-lost",
        "the control Redis is killed and comes back",
        "answers: the canary's weight lapses after 10 s, and comes back with it",
        control_lost,
        _seconds(90, 110),
    ),
    Scenario(
        "rollout-returns",
        "a promoted candidate regresses five minutes later",
        "answers: judged against the units that were held back, the former champion is back within 20 s",
        returns,
        _seconds(120, 420),
    ),
)
