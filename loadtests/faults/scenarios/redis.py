"""Redis is taken away, or slow, or busy: frozen, killed and back, ten times slower, filled and rewritten."""

from loadtests.faults.ending import ANSWERED, REFUSED
from loadtests.faults.expectation import at_most
from loadtests.faults.ledger import GOOD
from loadtests.faults.observing import mostly, none_failed, observed, parts
from loadtests.faults.plan import Plan
from loadtests.faults.redis_deeds import AofRewriting, Materialising, Rewriting
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.script import Deed
from loadtests.faults.served import Wanted, serve
from loadtests.faults.slow_proxy import slow_proxy
from loadtests.faults.stage import Stage
from loadtests.faults.timeline import first_after

_BEFORE, _AFTER, _GRPCIO = 2.0, 4.0, 50.0
_NORMAL_US, _SLOW_US = 400.0, 4000.0


def _frozen_for(plan: Plan) -> float:
    return plan.span(5.0, 60.0)


def _away_for(plan: Plan) -> float:
    return plan.span(3.0, 10.0)


def frozen(stage: Stage) -> Observed:
    """SIGSTOP: connections stay open and nothing answers."""
    until = _BEFORE + _frozen_for(stage.plan)
    with stage.both("redis-frozen") as (redis, served):
        deeds = [Deed(_BEFORE, "frozen", redis.freeze), Deed(until, "thawed", redis.thaw)]
        run = stage.steady(served, until + _AFTER, deeds, _GRPCIO)
    cut = parts(run, "frozen", "thawed")
    back = first_after(run.calls, run.moments["thawed"], ANSWERED)
    expected = [
        none_failed(run.calls),
        mostly(cut["during"], 0.999, *GOOD, REFUSED, where="while frozen"),
        at_most("first fresh answer after the thaw", back, 1.0, "s"),
    ]
    return observed(run, cut, expected)


def killed(stage: Stage) -> Observed:
    """SIGKILL, and after a while started again with what it held."""
    until = _BEFORE + _away_for(stage.plan)
    with stage.both("redis-killed") as (redis, served):
        deeds = [Deed(_BEFORE, "killed", redis.kill), Deed(until, "back", redis.come_back)]
        run = stage.steady(served, until + _AFTER, deeds, _GRPCIO)
    cut = parts(run, "killed", "back")
    back = first_after(run.calls, run.moments["back"], ANSWERED)
    expected = [
        none_failed(run.calls),
        mostly(cut["during"], 0.999, *GOOD, REFUSED, where="while away"),
        at_most("first fresh answer after it is back", back, 1.0, "s"),
    ]
    return observed(run, cut, expected)


def slower(stage: Stage) -> Observed:
    """A proxy holds every reply ten times as long as before."""
    until = _BEFORE + stage.plan.span(4.0, 20.0)
    with (
        stage.redis("redis-slower") as redis,
        slow_proxy(stage, f"127.0.0.1:{redis.port}", _NORMAL_US, _SLOW_US) as proxy,
        serve(stage.plan, Wanted("redis-slower", f"redis://{proxy.address}/0")) as served,
    ):
        deeds = [Deed(_BEFORE, "slower", proxy.slow), Deed(until, "as before", proxy.as_before)]
        run = stage.steady(served, until + _AFTER, deeds)
    cut = parts(run, "slower", "as before")
    expected = [none_failed(run.calls), mostly(cut["during"], 0.99, *GOOD, where="while slow")]
    return observed(run, cut, expected, {"held_us": {"before": _NORMAL_US, "during": _SLOW_US}})


def materialised(stage: Stage) -> Observed:
    """Feast fills the store again while it serves; `--quick` writes the same hashes over and over instead."""
    with stage.both("redis-materialise") as (redis, served):
        filling = Rewriting(redis) if stage.plan.quick else Materialising(redis)
        seconds = stage.plan.span(4.0, 75.0)
        deeds = [Deed(_BEFORE, "filling begins", filling.begin), Deed(_BEFORE + seconds, "filled", filling.end)]
        run = stage.steady(served, _BEFORE + seconds + _AFTER, deeds)
    cut = parts(run, "filling begins", "filled")
    expected = [none_failed(run.calls), mostly(cut["during"], 0.999, *GOOD, where="while it is filled")]
    return observed(run, cut, expected, {"filled_by": type(filling).__name__})


def aof_rewrite(stage: Stage) -> Observed:
    """An append-only file is switched on and rewritten, again and again, each time by a fork."""
    with stage.both("redis-aof") as (redis, served):
        rewriting = AofRewriting(redis)
        seconds = stage.plan.span(4.0, 20.0)
        deeds = [Deed(_BEFORE, "rewriting begins", rewriting.begin), Deed(_BEFORE + seconds, "over", rewriting.end)]
        run = stage.steady(served, _BEFORE + seconds + _AFTER, deeds)
    cut = parts(run, "rewriting begins", "over")
    expected = [none_failed(run.calls), mostly(cut["during"], 0.999, *GOOD, where="while rewriting")]
    return observed(run, cut, expected, {"rewrites": rewriting.rewrites})


SCENARIOS = (
    Scenario(
        "redis-frozen",
        "Redis is frozen (SIGSTOP) and thawed",
        "every call answered, degraded or refused as declared, within its budget; fresh again within 1 s of the thaw",
        frozen,
        lambda plan: _BEFORE + _frozen_for(plan) + _AFTER + 8,
    ),
    Scenario(
        "redis-killed",
        "Redis is killed and comes back",
        "every call answered, degraded or refused as declared, within its budget; fresh again within 1 s",
        killed,
        lambda plan: _BEFORE + _away_for(plan) + _AFTER + 8,
    ),
    Scenario(
        "redis-slower",
        "Redis answers ten times slower (4 ms instead of 0.4)",
        "answers, all inside the budget",
        slower,
        lambda plan: _BEFORE + plan.span(4.0, 20.0) + _AFTER + 8,
    ),
    Scenario(
        "redis-materialise",
        "the store is filled again at full speed",
        "answers, all inside the budget",
        materialised,
        lambda plan: _BEFORE + plan.span(4.0, 75.0) + _AFTER + 8,
    ),
    Scenario(
        "redis-aof-rewrite",
        "Redis rewrites its append-only file again and again",
        "answers, all inside the budget",
        aof_rewrite,
        lambda plan: _BEFORE + plan.span(4.0, 20.0) + _AFTER + 8,
    ),
)
