"""Other tables are taken while calls are served: a heavy canary is loaded, a champion turns out to be slow."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from loadtests.faults.blocks import blocks, no_slower, ratios
from loadtests.faults.callers import Phase
from loadtests.faults.ending import REFUSED
from loadtests.faults.house import HardBundle, House
from loadtests.faults.ledger import GOOD
from loadtests.faults.observing import mostly, none_failed, observed, parts
from loadtests.faults.plan import Plan
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.script import Deed
from loadtests.faults.served import Served
from loadtests.faults.stage import Stage
from loadtests.faults.traffic import Traffic

_PAIRS, _QUICK_PAIRS, _BLOCK = 8, 2, 6.0
_LOAD, _RATIO, _MEGABYTES = 0.5, 1.5, 200
_BEFORE = 3.0
_NO_CANARY: Mapping[str, Any] = {"arms": {"canary": None, "shadows": None}}


def heavy_canary(stage: Stage) -> Observed:
    """Load a canary of 200 MB at the beginning of every second block, and let it go at the next, at half load."""
    name = "canary-loading"
    traits = ("--trait", "big", "--megabytes", str(_MEGABYTES))
    house = stage.house(name, "fraud", HardBundle("heavy-0", traits), HardBundle("heavy-1", traits))
    house.declare("fraud", _NO_CANARY)
    pairs = _QUICK_PAIRS if stage.plan.quick else _PAIRS
    with stage.both(name, house=house) as (_, served):
        mixed, rate = stage.mix(served), _LOAD * min(stage.capacity, stage.plan.most_rate / stage.plan.load)
        phases = blocks(pairs, _BLOCK, rate, mixed, mixed)
        deeds = [
            Deed(number * _BLOCK, f"taken for block {number}", partial(_take, served, house, _canary(number)))
            for number in range(len(phases))
        ]
        run = stage.offer(served, Traffic(stage.callers(served), phases, stage.plan.deadline), deeds)
    found = ratios(run)
    expected = [none_failed(run.calls), no_slower(found, _RATIO)]
    return observed(run, {}, expected, {"ratios": found})


def slow_champion(stage: Stage) -> Observed:
    """Make a champion that costs 30 ms a run out of one that costs a tenth of a millisecond."""
    name = "backend-slow"
    house = stage.house(name, "fraud", HardBundle("slow", ("--trait", "slow-run", "--always", "--ms", "30")))
    house.declare("fraud", _NO_CANARY)
    spell = stage.plan.span(6.0, 20.0)
    with stage.both(name, house=house) as (_, served):
        deeds = [
            Deed(_BEFORE, "slow", partial(_take, served, house, {"arms": {"champion": "slow"}})),
            Deed(_BEFORE + spell, "as before", partial(_take, served, house, {"arms": {"champion": "1"}})),
        ]
        phases = [Phase(2 * _BEFORE + spell + 4.0, stage.rate, stage.mix(served))]
        run = stage.offer(served, Traffic(stage.callers(served), phases, stage.plan.deadline), deeds)
    cut = parts(run, "slow", "as before")
    expected = [none_failed(run.calls), mostly(cut["during"], 0.999, *GOOD, REFUSED, where="while slow")]
    return observed(run, cut, expected)


def _canary(number: int) -> Mapping[str, Any]:
    """Return what is declared for a block; two heavy ones in a row load two bundles."""
    pair, second = number // 2, number % 2 == 1
    if second == (pair % 2 == 1):
        return _NO_CANARY
    return {"arms": {"canary": {"version": f"heavy-{pair % 2}", "weight": 0.05}, "shadows": None}}


def _take(served: Served, house: House, changes: Mapping[str, Any]) -> None:
    house.declare("fraud", changes)
    served.reload()


def _seconds(plan: Plan) -> float:
    return 2 * _BLOCK * (_QUICK_PAIRS if plan.quick else _PAIRS) + 25


SCENARIOS = (
    Scenario(
        "canary-loading",
        f"a canary of {_MEGABYTES} MB is loaded at half load",
        "answers; p99 within 1.5 of what it was",
        heavy_canary,
        _seconds,
    ),
    Scenario(
        "backend-slow",
        "a reload brings a champion whose run takes 30 ms",
        "answers inside the budget, or refusals in time",
        slow_champion,
        lambda plan: 2 * _BEFORE + plan.span(6.0, 20.0) + 14,
    ),
)
