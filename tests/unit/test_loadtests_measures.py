"""What the measures make of runs that were not sound: rows without a value that say why."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from loadtests.answer import FRESH, NOT_FRESH, Verdict
from loadtests.bench.measures import list_time, memory, peers
from loadtests.bench.plan import Plan
from loadtests.in_turn import Pairs
from loadtests.memory import Memory
from loadtests.peers.catalogue import PEERS
from loadtests.peers.versus import Versus
from loadtests.sampling.picture import Bar
from loadtests.seats import Seats
from loadtests.tally import Report, Tally

PLAN = Plan(Path("out"), Seats(), ["serve"], ["up"], Path("models"))
BY_NAME = {peer.name: peer for peer in PEERS}
BAR = Bar(16, 8.0, 9_000.0, {"run": 30.0}, [])


def report(good: int, faults: int = 0, verdict: Verdict = FRESH) -> Report:
    tally = Tally()
    for _ in range(good):
        tally.count(verdict, 1_500_000)
    for _ in range(faults):
        tally.count(Verdict("grpc-status 8"), 0)
    return Report("grpc", 16, 1, 1.0, 4_000, 0, tally, {"generator": 0.5, "worker": 0.9})


def beside(name: str, ours: int, faults: int = 0) -> Versus:
    return Versus(BY_NAME[name], Pairs([report(ours)], [report(100, faults)]))


ALL: Mapping[str, Versus | str] = {
    name: beside(name, ours) for name, ours in zip(peers.PYTHON_SERVERS, (900, 600, 700, 800), strict=True)
}


def test_the_best_python_server_is_the_one_that_comes_closest() -> None:
    (found,) = peers._best_python(ALL, PLAN)
    assert (found.value, found.verdict) == (6.0, "must reached")
    assert BY_NAME["mlserver"].title in found.title


@pytest.mark.parametrize("missing", ["it did not start", beside("mlserver", 600, faults=1)])
def test_nobody_knows_the_best_while_one_is_missing(missing: Versus | str) -> None:
    (found,) = peers._best_python({**ALL, "mlserver": missing}, PLAN)
    assert (found.name, found.value, found.verdict) == ("peer-best-python", None, "no value")
    assert found.trouble.startswith("mlserver did not run soundly")


def test_the_best_is_a_row_even_where_none_ran_and_no_row_where_not_all_were_asked_for() -> None:
    (found,) = peers._best_python(dict.fromkeys(peers.PYTHON_SERVERS, "not installed"), PLAN)
    assert found.verdict == "no value"
    assert "kserve, mlserver, litserve, bentoml did not run" in found.trouble
    assert peers._best_python({"kserve": ALL["kserve"]}, PLAN) == []


@pytest.mark.parametrize("soak", [60.0, 600.0])
def test_memory_of_a_worker_that_refused_nearly_everything_is_no_value(soak: float) -> None:
    samples = [(at * soak, Memory(90.0, 80.0, 70.0)) for at in (0.0, 0.5, 1.0)]
    for found in memory._findings(samples, {"fraud@1": 20.0}, report(10, faults=990)):
        assert (found.verdict, found.trouble) == ("no value", "990 × grpc-status 8")
    above, growth = memory._findings(samples, {"fraud@1": 20.0}, report(1000))
    assert (above.value, growth.value, above.trouble, growth.trouble) == (70.0, 0.0, "", "")


def test_a_bar_of_calls_that_were_not_answered_is_trouble() -> None:
    pairs = Pairs([report(100)], [report(100)])
    assert list_time._finding([(BAR, report(100))], pairs, PLAN).value == 1.0
    found = list_time._finding([(BAR, report(100)), (BAR, report(100, 5))], pairs, PLAN)
    assert (found.verdict, found.trouble) == ("no value", "bar of 16 in flight: 5 × grpc-status 8")


def test_a_pair_without_features_says_so() -> None:
    found = list_time._finding([(BAR, report(9))], Pairs([report(9)], [report(9, 0, NOT_FRESH)]), PLAN)
    assert found.trouble.startswith("no ratio in round 1: 9 of 9 good answers had a feature that was not fresh")
