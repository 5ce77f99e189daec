"""Workers and the whole gateway end: SIGKILL of one of two, of the only one, SIGTERM under load on both fronts."""

import os
import signal
from functools import partial

from loadtests.faults.callers import Phase, callers
from loadtests.faults.ending import ANSWERED, DEGRADED, FAILED
from loadtests.faults.expectation import at_least, at_most
from loadtests.faults.ledger import GOOD
from loadtests.faults.observing import mostly, none_failed, none_lost, observed
from loadtests.faults.plan import Plan
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.script import Deed
from loadtests.faults.served import Served
from loadtests.faults.stage import Stage
from loadtests.faults.timeline import first_after, p99
from loadtests.faults.traffic import Traffic
from loadtests.faults.waiting import wait_until

_BEFORE, _AFTER = 2.0, 5.0
_NOTICED = 0.05  # seconds in which a client may still write to a connection that has ended
# Of the usual rate: grpc.aio carries a fifth of what the fast front does.
_SHARES = {"h2corn": 1.0, "conservative": 0.2}
# Who closes a connection of HTTP/1.1 cannot tell its caller whether the request on its way was taken: not counted.
_PLAIN = "json-h1"


def one_of_two(stage: Stage) -> Observed:
    """SIGKILL one worker: what it had in flight fails, everything else goes on, and a new one serves soon."""
    with stage.both("worker-killed", workers=2, pinned=False) as (_, served):
        killing = _Killing(served)
        deeds = [Deed(_BEFORE, "killed", killing.kill), Deed(_BEFORE, "served anew", killing.await_successor)]
        run = stage.steady(served, _BEFORE + _AFTER, deeds, grpcio=50.0)
    killed = run.moments["killed"]
    cut = {"before": run.calls.between(0, killed), "during": run.calls.between(killed, 1e9)}
    later = run.calls.between(killed + _NOTICED, 1e9)
    failed = int((cut["before"].kind == FAILED).sum())
    expected = [
        at_most("failed of what was called after the kill", float((later.kind == FAILED).sum()), 0, "calls"),
        at_most("a new worker serves after", run.moments["served anew"] - killed, 2.0, "s"),
        at_most("failed in flight", failed, run.calls.sent.size * 0.02, "calls"),
    ]
    return observed(run, cut, expected)


def the_only_one(stage: Stage) -> Observed:
    """SIGKILL the only worker: nobody answers until the new one does."""
    with stage.both("only-worker-killed", pinned=False) as (_, served):
        killing = _Killing(served)
        deeds = [Deed(_BEFORE, "killed", killing.kill), Deed(_BEFORE, "served anew", killing.await_successor)]
        run = stage.steady(served, _BEFORE + 2 * _AFTER, deeds, grpcio=50.0)
    killed = run.moments["killed"]
    back = first_after(run.calls, killed + _NOTICED, ANSWERED, DEGRADED) + _NOTICED
    cut = {"before": run.calls.between(0, killed), "during": run.calls.between(killed, killed + back)}
    cut["after"] = run.calls.between(killed + back, 1e9)
    expected = [
        at_most("first answer after the kill", back, 2.0, "s"),
        mostly(run.calls.between(killed + back + 1.0, 1e9), 0.999, *GOOD, where="1 s later"),
    ]
    return observed(run, cut, expected)


def told_to_end(stage: Stage, front: str) -> Observed:
    """SIGTERM the supervisor while every connection is busy: what was accepted is answered."""
    with stage.both(f"sigterm-{front}", front) as (_, served):
        deeds = [Deed(_BEFORE, "told to end", served.end), Deed(_BEFORE, "ended", partial(_await_end, served))]
        run = stage.steady(served, _BEFORE + 1.0, deeds, grpcio=100.0, share=_SHARES[front])
    told = run.moments["told to end"]
    cut = {"before": run.calls.between(0, told - 0.1), "during": run.calls.between(told - 0.1, 1e9)}
    expected = [
        none_lost(run.calls.of_groups(*(number for name, number in run.groups.items() if name != _PLAIN))),
        at_most("the gateway ended after", run.moments["ended"] - told, 12.0, "s"),
        at_least("answered before", float((cut["before"].kind != FAILED).sum()), 1, "calls"),
    ]
    return observed(run, cut, expected)


def one_connection(stage: Stage) -> Observed:
    """Half of what two workers could do comes over one connection, so to one worker; others call beside it."""
    with stage.both("one-long-connection", workers=2, pinned=False) as (_, served):
        seconds = stage.plan.span(5.0, 20.0)
        everybody = stage.callers(served)
        target = stage.target(served, "grpc")
        long = callers("long grpc", "grpc", target, everybody[0].calls, connections=1)
        heavy = min(0.7 * stage.capacity, 2 * stage.plan.most_rate)
        light = stage.rate / 2
        mixed = {name: share * light for name, share in stage.mix(served).items()} | {long.name: heavy}
        phases = [Phase(seconds, light, stage.mix(served)), Phase(seconds, light + heavy, mixed)]
        run = stage.offer(served, Traffic([*everybody, long], phases, stage.plan.deadline))
    cut = {"before": run.in_phase(0), "during": run.in_phase(1)}
    beside = cut["during"].of_groups(*(run.groups[one.name] for one in everybody))
    p99s = {"before": p99(cut["before"]) * 1e3, "beside the long connection": p99(beside) * 1e3}
    return observed(run, cut | {"beside": beside}, [none_failed(beside)], {"p99_ms": p99s})


class _Killing:
    """Kills a worker and waits until the gateway's own metrics count one more start."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._starts = served.starts()

    def kill(self) -> None:
        os.kill(self._served.workers()[0], signal.SIGKILL)

    def await_successor(self) -> None:
        wait_until(lambda: self._served.starts() > self._starts, "no new worker")


def _await_end(served: Served) -> None:
    # It stays a zombie until it is waited for, and a zombie has no workers.
    wait_until(lambda: not served.workers(), "the gateway did not end")


def _seconds(plan: Plan) -> float:
    return _BEFORE + _AFTER + 10


SCENARIOS = (
    Scenario(
        "worker-killed",
        "one of two workers is killed (SIGKILL)",
        "only its calls in flight fail; a new one serves within 2 s",
        one_of_two,
        _seconds,
    ),
    Scenario(
        "only-worker-killed",
        "the only worker is killed (SIGKILL)",
        "calls fail until its successor serves, within 2 s",
        the_only_one,
        _seconds,
    ),
    Scenario(
        "sigterm-h2corn",
        "SIGTERM under load, fast front, connections stay open",
        "what was accepted is answered; later calls are turned away",
        partial(told_to_end, front="h2corn"),
        _seconds,
    ),
    Scenario(
        "sigterm-conservative",
        "SIGTERM under load, conservative front, connections stay open",
        "what was accepted is answered; later calls are turned away",
        partial(told_to_end, front="conservative"),
        _seconds,
    ),
    Scenario(
        "one-long-connection",
        "one worker of two is loaded through a single long connection",
        "answers, all inside the budget",
        one_connection,
        lambda plan: 2 * plan.span(5.0, 20.0) + 10,
    ),
)
