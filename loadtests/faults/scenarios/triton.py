"""Triton is taken away, loses the model, or one of two is frozen or slow, with a champion that runs there.

The fallback answers in process. A third of the usual calls are made: Triton shares the two processors with all else.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from loadtests.faults.ending import ANSWERED, REFUSED
from loadtests.faults.expectation import at_most
from loadtests.faults.free_ports import free_ports
from loadtests.faults.ledger import GOOD
from loadtests.faults.observing import mostly, observed, parts
from loadtests.faults.plan import Plan
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.script import Deed
from loadtests.faults.served import Served, Wanted, serve
from loadtests.faults.slow_proxy import slow_proxy
from loadtests.faults.stage import Stage
from loadtests.faults.timeline import first_after
from loadtests.serving import ServingError
from loadtests.triton_server import TritonServer, environment

_BEFORE, _AFTER, _SHARE = 3.0, 6.0, 1 / 3
_SLOW_US = 60_000
_LOADED = 5.0
"""Seconds in which a model is loaded again, and proved, beside all the calls."""
_ARMS = {"champion": "1", "canary": None, "shadows": None, "fallback": "2"}
_OF_ALL = 0.99
_MEANWHILE = 0.95
"""Of a Triton that is gone without a word the lists of the first quarter of a second may know too late."""


@contextmanager
def tritons(stage: Stage, name: str, count: int) -> Iterator[list[TritonServer]]:
    """Start so many, on one repository with fraud's champion. Raises ServingError or PeerError."""
    repository, logs = stage.plan.out / "triton" / name, stage.plan.out / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "models.triton_repository", "--out", str(repository), "--python-backend"]
    command += ["--bundles", str(stage.plan.bundles), "fraud", "1"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise ServingError(f"no model repository: {made.stderr.strip()[-400:]}")
    place = environment(stage.say)
    with ExitStack() as undo:
        servers = []
        for number in range(count):
            servers.append(TritonServer(place, repository, free_ports(3), logs / f"{name}-triton-{number}.log"))
            undo.callback(servers[-1].close)
        yield servers


@contextmanager
def serving(stage: Stage, name: str, addresses: Sequence[str]) -> Iterator[Served]:
    """Start a gateway whose champion runs there, beside a filled Redis."""
    house = stage.house(name)
    house.declare("fraud", {"arms": _ARMS, "backend": "triton"})
    with stage.redis(name) as redis:
        wanted = Wanted(name, redis.url, house=house, flags=("--triton", ",".join(addresses)))
        with serve(stage.plan, wanted) as served:
            yield served


def _for(plan: Plan) -> float:
    return plan.span(4.0, 15.0)


def alone(
    stage: Stage, name: str, fault: Callable[[TritonServer], object], end: Callable[[TritonServer], object]
) -> Observed:
    """Do something to the only Triton, and undo it after a while."""
    until = _BEFORE + _for(stage.plan)
    with tritons(stage, name, 1) as (triton,), serving(stage, name, [triton.address]) as served:
        deeds = [Deed(_BEFORE, "fault", lambda: fault(triton)), Deed(until, "over", lambda: end(triton))]
        run = stage.steady(served, until + _AFTER, deeds, share=_SHARE)
    cut = parts(run, "fault", "over")
    back = first_after(run.calls, run.moments["over"], ANSWERED)
    expected = [
        mostly(run.calls, _OF_ALL, *GOOD, REFUSED),
        mostly(cut["during"], _MEANWHILE, *GOOD, where="while it is away"),
        at_most("first answer of the champion after it is back", back, _LOADED, "s"),
    ]
    return observed(run, cut, expected)


def one_of_two(stage: Stage, name: str, slow: bool) -> Observed:
    """Freeze one of two replicas, or hold all that it says for 60 ms."""
    until = _BEFORE + _for(stage.plan)
    with (
        tritons(stage, name, 2) as (well, ill),
        slow_proxy(stage, ill.address, 0.0, _SLOW_US) as proxy,
        serving(stage, name, [well.address, proxy.address]) as served,
    ):
        fault, end = (proxy.slow, proxy.as_before) if slow else (ill.pause, ill.resume)
        run = stage.steady(
            served, until + _AFTER, [Deed(_BEFORE, "fault", fault), Deed(until, "over", end)], share=_SHARE
        )
    cut = parts(run, "fault", "over")
    expected = [mostly(run.calls, _OF_ALL, *GOOD), mostly(cut["during"], 0.99, *GOOD, where="meanwhile")]
    return observed(run, cut, expected)


def _seconds(plan: Plan) -> float:
    return _BEFORE + _for(plan) + _AFTER + 20


def _unload(triton: TritonServer) -> None:
    for model in triton.models():
        triton.unload(model)


_FALLBACK = "the fallback's answers inside the budget, the champion's again within 5 s"
SCENARIOS = (
    Scenario(
        "triton-frozen",
        "the only Triton is frozen (SIGSTOP) and thawed",
        _FALLBACK,
        lambda stage: alone(stage, "triton-frozen", TritonServer.pause, TritonServer.resume),
        _seconds,
    ),
    Scenario(
        "triton-killed",
        "the only Triton is killed and started again, with nothing loaded",
        _FALLBACK,
        lambda stage: alone(stage, "triton-killed", TritonServer.kill, TritonServer.restart),
        _seconds,
    ),
    Scenario(
        "triton-unloaded",
        "somebody has the only Triton unload the champion, twice",
        "answers, for a moment the fallback's, all inside the budget",
        lambda stage: alone(stage, "triton-unloaded", _unload, _unload),
        _seconds,
    ),
    Scenario(
        "triton-replica-frozen",
        "one of two Tritons is frozen and thawed",
        "answers, all inside the budget",
        lambda stage: one_of_two(stage, "triton-replica-frozen", slow=False),
        _seconds,
    ),
    Scenario(
        "triton-replica-slow",
        "one of two Tritons is 60 ms slower for a while",
        "answers, all inside the budget",
        lambda stage: one_of_two(stage, "triton-replica-slow", slow=True),
        _seconds,
    ),
)
