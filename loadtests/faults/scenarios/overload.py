"""Overload in steps: as many calls as the gateway can answer, twice, three and five times as many."""

import math
from collections.abc import Sequence

from loadtests.dialect import Target, dialect, requests
from loadtests.faults.callers import Callers, Phase, callers
from loadtests.faults.house import HardBundle, House
from loadtests.faults.ledger import Ledger, ledger
from loadtests.faults.memory_watch import MemoryWatch
from loadtests.faults.overload import DURING, Step, expected_of, step_of, table
from loadtests.faults.overload_chart import draw_overload
from loadtests.faults.plan import Plan
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.served import Served
from loadtests.faults.stage import Stage
from loadtests.faults.traffic import Run, Traffic
from loadtests.generator import Load, generate

MULTIPLES = (1.0, 2.0, 3.0, 5.0)
SHARES = {"default": 0.75, "critical": 0.1, "sheddable": 0.15}
_NORMAL, _CALM_BEFORE, _CALM_AFTER = 0.5, 3.0, 5.0
_CONNECTIONS = {"default": 20, "critical": 4, "sheddable": 8}
_SLOW = HardBundle("slow", ("--trait", "slow-row", "--always", "--ms", "1"))


def _step_seconds(plan: Plan) -> float:
    return plan.span(8.0, 60.0)


def fraud(stage: Stage) -> Observed:
    """The champion with canary and shadow: refusing costs a fair part of answering, and is measured beside it."""
    with stage.both("overload-fraud") as (_, served):
        refusals = _refusals(stage, served)
        return _steps(stage, served, refusals, "Overload of fraud")


def slow(stage: Stage) -> Observed:
    """A champion whose run costs a millisecond a call."""
    house = _slow_house(stage)
    with stage.both("overload-1ms", house=house) as (_, served):
        return _steps(stage, served, math.inf, "Overload of a deployment that costs 1 ms a call")


def _slow_house(stage: Stage) -> House:
    house = stage.house("overload-1ms", "fraud", _SLOW)
    house.declare("fraud", {"arms": {"champion": _SLOW.version, "canary": None, "shadows": None}})
    return house


def _steps(stage: Stage, served: Served, refusals: float, title: str) -> Observed:
    capacity = stage.capacity_of(served, 32)
    stage.say(f"capacity {capacity:,.0f} calls/s (closed loop, 32 connections)")
    steps: list[Step] = []
    ledgers: dict[str, Ledger] = {}
    for multiple in MULTIPLES:
        run, grown = _step(stage, served, capacity, multiple)
        steps.append(step_of(multiple, run, ["critical"], grown))
        ledgers |= {f"all at {multiple:g}×": ledger(run.calls), f"{multiple:g}×": ledger(run.in_phase(DURING))}
    # The closed loop may have met a worse moment than a step did: what counts is the most that was ever answered.
    peak = max([capacity, *(step.good for step in steps if step.offered)])
    expectations = [one for step in steps for one in expected_of(step, peak, refusals)]
    told: dict[str, object] = {
        "title": title,
        "capacity": capacity,
        "peak": peak,
        "only_refusing": refusals if math.isfinite(refusals) else None,
        "steps": [step.as_json() for step in steps],
    }
    picture = draw_overload(title, steps, capacity, stage.plan.deadline_ms)
    return Observed(ledgers, expectations, (), told, table(steps, capacity), picture)


def _step(stage: Stage, served: Served, capacity: float, multiple: float) -> tuple[Run, float]:
    rates = (_NORMAL * capacity, multiple * capacity, _NORMAL * capacity)
    spans = (_CALM_BEFORE, _step_seconds(stage.plan), _CALM_AFTER)
    phases = [Phase(seconds, rate, SHARES) for seconds, rate in zip(spans, rates, strict=True)]
    traffic = Traffic(_groups(stage, served), phases, stage.plan.deadline, seed=stage.plan.seed)
    stage.say(f"{multiple:g}×: {rates[1]:,.0f} calls/s")
    with MemoryWatch(served) as watch:
        run = stage.offer(served, traffic)
    return run, watch.grown_mb


def _groups(stage: Stage, served: Served) -> Sequence[Callers]:
    groups = []
    for priority, connections in _CONNECTIONS.items():
        target = stage.target(served, "grpc", priority)
        calls = requests(dialect("grpc", target), list(stage.cases))
        groups.append(callers(priority, "grpc", target, calls, connections))
    return groups


def _refusals(stage: Stage, served: Served) -> float:
    """Return how many calls a second are refused when nothing else is done: they ask for no deployment that exists."""
    plan = stage.plan
    target = Target(*served.grpc, "nobody", plan.deadline_ms, plan.contract)
    spoken = dialect("grpc", target)
    calls = requests(spoken, list(stage.cases[:1000]))
    report = generate(Load(32, 1, 0.5, plan.span(1.5, 5.0)), spoken, served.grpc, calls)
    rate = report.tally.faults.get("grpc-status 5", 0) / report.seconds
    stage.say(f"one core that only refuses: {rate:,.0f} calls/s")
    return rate or math.inf


def _seconds(plan: Plan) -> float:
    return 20.0 + len(MULTIPLES) * (_CALM_BEFORE + _step_seconds(plan) + _CALM_AFTER + 1.0)


_SEES = (
    "nine tenths of what can be answered is answered in budget, the rest is refused in under 5 ms, critical calls are"
    " answered, and all is as before within 2 s of the load's end"
)

SCENARIOS = (
    Scenario("overload-1ms", "1, 2, 3, 5 times the capacity, where a call costs 1 ms", _SEES, slow, _seconds),
    Scenario("overload-fraud", "1, 2, 3, 5 times the capacity of fraud", _SEES, fraud, _seconds),
)
