"""Who was busy while a ratio was measured, and where it stands in what the bench shows."""

from pathlib import Path

from loadtests.bench.busy import busy
from loadtests.bench.measures import peers, tls
from loadtests.bench.plan import Plan
from loadtests.in_turn import Pairs
from loadtests.peers.catalogue import PEERS
from loadtests.peers.versus import Versus
from loadtests.seats import Seats
from loadtests.tally import Report, Tally

PLAN = Plan(Path("out"), Seats(), ["serve"], ["up"], Path("models"))


def report(worker: float | None, generator: float = 0.5) -> Report:
    spent = {"generator": generator} | ({} if worker is None else {"worker": worker})
    return Report("grpc", 16, 1, 1.0, 4_000, 0, Tally(good=100), spent)


def test_a_worker_with_time_to_spare_was_not_the_limit() -> None:
    told = busy({"with": [report(1.0), report(0.9)], "without": [report(0.95), report(0.83, 1.0)]})
    assert told == (
        "with: worker 95%, generator 50% of a core;"
        " without: worker 89%, generator 75% of a core (the worker was not the limit)"
    )
    assert busy({"ours": [report(None)]}) == "ours: worker unknown, generator 50% of a core"


def test_every_ratio_says_it_among_its_conditions() -> None:
    pairs = Pairs([report(0.99)], [report(0.5)])
    for found in (tls._finding(pairs, PLAN), peers._finding(PEERS[0], Versus(PEERS[0], pairs), PLAN)):
        assert (found.rounds, found.trouble) == ([1.0], "")
        assert "worker 99%, generator 50% of a core; " in found.conditions
        assert found.conditions.endswith("worker 50%, generator 50% of a core (the worker was not the limit)")
