"""What is stored is not as it should be: half the keys gone, one key asked for by everybody, values of another type."""

from collections.abc import Callable

import redis

from loadtests.faults.callers import Phase
from loadtests.faults.ending import DEGRADED, RESCUED
from loadtests.faults.journal import Calls
from loadtests.faults.ledger import GOOD
from loadtests.faults.observing import mostly, none_failed, observed, parts
from loadtests.faults.plan import Plan
from loadtests.faults.redis_process import RedisProcess
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.script import Deed
from loadtests.faults.stage import Stage
from loadtests.faults.stored_values import Command, break_types, delete_every_second, play
from loadtests.faults.timeline import p99
from loadtests.faults.traffic import Traffic

_BEFORE = 2.0
_SHARE_OF_THE_HOT_KEY = 0.5


def _after(plan: Plan) -> float:
    return plan.span(5.0, 20.0)


def half_gone(stage: Stage) -> Observed:
    """Every second entity is deleted: callers get the answer that a new card gets."""
    return _changed(stage, "keys-half-gone", delete_every_second, *GOOD)


def wrong_types(stage: Stage) -> Observed:
    """Every stored value becomes a string: defaults stand in, and the answer says so."""
    return _changed(stage, "values-wrong-type", break_types, DEGRADED, RESCUED)


def hot_key(stage: Stage) -> Observed:
    """Half of all calls ask for one card and one store."""
    with stage.both("key-hot") as (_, served):
        everybody, hot = stage.callers(served), stage.callers(served, stage.cases[:1], "hot ")
        spread_out, share = stage.mix(served), _SHARE_OF_THE_HOT_KEY
        mixed = {name: part * (1 - share) for name, part in spread_out.items()}
        mixed |= {name: part * share for name, part in stage.mix(served, "hot ").items()}
        seconds = _after(stage.plan)
        phases = [Phase(seconds, stage.rate, spread_out), Phase(seconds, stage.rate, mixed)]
        run = stage.offer(served, Traffic([*everybody, *hot], phases, stage.plan.deadline))
    cut = {"before": run.in_phase(0), "during": run.in_phase(1)}
    expected = [none_failed(run.calls), mostly(cut["during"], 0.999, *GOOD, where="while one key is hot")]
    return observed(run, cut, expected, {"p99_ms": {name: _milliseconds(calls) for name, calls in cut.items()}})


def _changed(stage: Stage, name: str, change: Callable[[redis.Redis], list[Command]], *kinds: int) -> Observed:
    with stage.both(name) as (store, served):
        changing = _Changing(store, change)
        deeds = [Deed(_BEFORE, "changing", changing.note), Deed(_BEFORE, "changed", changing.do)]
        run = stage.steady(served, _BEFORE + _after(stage.plan) + 2.0, deeds)
    cut = {"before": run.calls.between(0.0, run.moments["changing"])}
    cut |= {"during": parts(run, "changing", "changed")["after"]}
    expected = [none_failed(run.calls), mostly(cut["during"], 0.999, *kinds, where="from then on")]
    return observed(run, cut, expected, {"hashes": changing.hashes})


class _Changing:
    """A change that is made ready when it is made, and done in the run."""

    def __init__(self, store: RedisProcess, change: Callable[[redis.Redis], list[Command]]) -> None:
        self._store = store
        self.hashes = 0
        with store.client() as client:
            self._commands = change(client)

    def note(self) -> None:
        """Nothing yet: the moment is what is wanted."""

    def do(self) -> None:
        with self._store.client() as client:
            self.hashes = play(client, self._commands)


def _milliseconds(calls: Calls) -> float:
    return p99(calls) * 1e3


def _seconds(plan: Plan) -> float:
    return _BEFORE + _after(plan) + 10


SCENARIOS = (
    Scenario(
        "keys-half-gone",
        "half of the keys in Redis vanish",
        "answers: who is not stored counts as new, and no answer is called degraded for it",
        half_gone,
        _seconds,
    ),
    Scenario("key-hot", "half of all calls ask for one key", "answers, all inside the budget", hot_key, _seconds),
    Scenario(
        "values-wrong-type",
        "every stored value has another type than the plan says",
        "degraded answers with the declared defaults, all inside the budget",
        wrong_types,
        _seconds,
    ),
)
