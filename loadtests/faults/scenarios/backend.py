"""The champion's own model fails on some calls: those are told so, their neighbours in the list are answered."""

import math
from functools import partial

from loadtests.faults.callers import Phase
from loadtests.faults.ending import FAILED
from loadtests.faults.expectation import at_least, at_most
from loadtests.faults.house import HardBundle
from loadtests.faults.ledger import GOOD
from loadtests.faults.observing import mostly, none_failed, observed
from loadtests.faults.plan import Plan
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.stage import Stage, poisoned
from loadtests.faults.timeline import back_to_normal
from loadtests.faults.traffic import Traffic

_ODD = "odd "
_SHARE_OF_ODD = 0.02
_TOLD = "PREDICTION_FAILED"


def hard_champion(stage: Stage, name: str, traits: tuple[str, ...]) -> Observed:
    """Give the champion a bundle with a trait; two calls in a hundred set it going."""
    house = stage.house(name, "fraud", HardBundle("hard", traits))
    house.declare("fraud", {"arms": {"champion": "hard", "canary": None, "shadows": None}})
    seconds = stage.plan.span(5.0, 20.0)
    with stage.both(name, house=house) as (_, served):
        everybody, odd = stage.callers(served), stage.callers(served, poisoned(stage.cases), _ODD)
        mixed = {who: share * (1 - _SHARE_OF_ODD) for who, share in stage.mix(served).items()}
        mixed |= {who: share * _SHARE_OF_ODD for who, share in stage.mix(served, _ODD).items()}
        phases = [Phase(2.0, stage.rate, stage.mix(served)), Phase(seconds, stage.rate, mixed)]
        run = stage.offer(served, Traffic([*everybody, *odd], phases, stage.plan.deadline))
    well, ill = run.of(*(one.name for one in everybody)), run.of(*(one.name for one in odd))
    told = ill.by_reason(FAILED)[_TOLD] / len(ill.sent) if len(ill.sent) else 0.0
    expected = [
        none_failed(well, "of the calls that are well"),
        mostly(well, 0.999, *GOOD, where="of the calls that are well"),
        at_least("told that their prediction failed, of the others", told, 0.99, "share"),
    ]
    return observed(run, {"during": run.in_phase(1), "well": well, "ill": ill}, expected)


def hanging(stage: Stage) -> Observed:
    """Let one call hang one of two workers for ever."""
    name = "backend-hangs"
    house = stage.house(name, "fraud", HardBundle("hard", ("--trait", "hangs")))
    house.declare("fraud", {"arms": {"champion": "hard", "canary": None, "shadows": None}})
    with stage.both(name, workers=2, house=house) as (_, served):
        everybody = stage.callers(served)
        (odd,) = (one for one in stage.callers(served, poisoned(stage.cases), _ODD) if one.name == _ODD + "grpc")
        mixed = stage.mix(served)
        phases = [Phase(2.0, stage.rate, mixed), Phase(0.1, 20.0, {odd.name: 1.0}), Phase(15.0, stage.rate, mixed)]
        run = stage.offer(served, Traffic([*everybody, odd], phases, stage.plan.deadline))
    begun = float(run.of(odd.name).sent.min()) if len(run.of(odd.name).sent) else math.nan
    cut = {"before": run.in_phase(0), "during": run.in_phase(2), "the call": run.of(odd.name)}
    back = back_to_normal(run.calls, begun, stage.plan.deadline) if math.isfinite(begun) else math.nan
    expected = [
        at_most("all is well again after", back, 13.0, "s"),
        mostly(cut["during"], 0.25, *GOOD, where="meanwhile, by the other worker"),
    ]
    return observed(run, cut, expected)


def _seconds(plan: Plan) -> float:
    return plan.span(5.0, 20.0) + 15


def _scenario(name: str, does: str, *traits: str) -> Scenario:
    sees = "PREDICTION_FAILED for the calls that cause it; every other call of the same list is answered"
    return Scenario(name, does, sees, partial(hard_champion, name=name, traits=traits), _seconds)


SCENARIOS = (
    _scenario("backend-nan", "the champion scores NaN for some calls", "--trait", "nan"),
    _scenario("backend-fails", "some calls make the champion's run fail", "--trait", "fails"),
    _scenario("backend-shape", "some calls make it give a score too many", "--trait", "shape"),
    Scenario(
        "backend-hangs",
        "one call makes the champion never return, in one of two workers",
        "calls to that worker fail until it is replaced: 10 s of patience and a start, 13 s in all",
        hanging,
        lambda plan: 35.0,
    ),
)
