"""The shadow fails or is ten times slower: nobody who is answered may notice."""

from functools import partial

from loadtests.faults.blocks import blocks, no_slower, ratios
from loadtests.faults.house import HardBundle
from loadtests.faults.observing import none_failed, observed
from loadtests.faults.plan import Plan
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.stage import Stage, poisoned
from loadtests.faults.traffic import Traffic

_PAIRS, _QUICK_PAIRS, _BLOCK = 15, 2, 3.0
_RATE, _RATIO = 0.2, 1.05
_ODD = "odd "


def hard_shadow(stage: Stage, name: str, traits: tuple[str, ...]) -> Observed:
    """Mirror a fifth of the calls to a bundle with a trait, and set it going in every second block."""
    house = stage.house(name, "fraud", HardBundle("hard", traits))
    house.declare("fraud", {"arms": {"canary": None, "shadows": [{"version": "hard", "rate": _RATE}]}})
    with stage.both(name, house=house) as (_, served):
        everybody = stage.callers(served) + stage.callers(served, poisoned(stage.cases), _ODD)
        pairs = _QUICK_PAIRS if stage.plan.quick else _PAIRS
        phases = blocks(pairs, _BLOCK, stage.rate, stage.mix(served), stage.mix(served, _ODD))
        run = stage.offer(served, Traffic(everybody, phases, stage.plan.deadline))
    found = ratios(run)
    return observed(run, {}, [none_failed(run.calls), no_slower(found, _RATIO)], {"ratios": found})


def _seconds(plan: Plan) -> float:
    return 2 * _BLOCK * (_QUICK_PAIRS if plan.quick else _PAIRS) + 15


def _scenario(name: str, does: str, *traits: str) -> Scenario:
    sees = "nothing: answers as before, p99 within 1.05 of what it was"
    return Scenario(name, does, sees, partial(hard_shadow, name=name, traits=traits), _seconds)


SCENARIOS = (
    _scenario("shadow-dead", "every run of the shadow fails", "--trait", "fails"),
    _scenario("shadow-slow", "the shadow is ten times slower", "--trait", "slow-run", "--ms", "2"),
)
