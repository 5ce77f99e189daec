"""A Poisson process, drawn ahead: its rate, its spread, and the same again for the same seed."""

from itertools import pairwise
from statistics import mean, pstdev

import pytest

from loadtests.arrivals import poisson
from loadtests.latencies import Latencies
from loadtests.open_loop import Arrivals, OpenReport
from loadtests.tally import Tally

SECOND = 1_000_000_000


def test_calls_come_at_the_rate_and_as_irregularly_as_independent_callers() -> None:
    due = list(poisson(1000.0, 20.0, 7))
    assert len(due) == pytest.approx(20_000, rel=0.03)
    assert due == sorted(due)
    assert 0 < due[0] < due[-1] < 20 * SECOND
    gaps = [later - earlier for earlier, later in pairwise(due)]
    assert pstdev(gaps) == pytest.approx(mean(gaps), rel=0.05)  # as an exponential has it


def test_a_seed_draws_the_same_calls_again_and_another_seed_others() -> None:
    assert list(poisson(50.0, 2.0, 1)) == list(poisson(50.0, 2.0, 1)) != list(poisson(50.0, 2.0, 2))


def test_no_rate_is_no_process() -> None:
    with pytest.raises(ValueError, match="never makes a call"):
        next(poisson(0.0, 1.0, 1))


def test_failures_count_as_endless_in_every_quantile() -> None:
    tally = Tally()
    for _ in range(97):
        tally.latencies.add(1_000_000)
    tally.fault("grpc-status 8", 2)
    tally.fault("grpc-status 4", 1)
    report = OpenReport(Arrivals(100.0), 100, tally, Latencies(), 0.5, 0)
    assert report.quantile(0.97) == pytest.approx(0.001, rel=0.01)
    assert report.quantile(0.98) == float("inf")
    assert report.count("grpc-status 8") == 2
    assert report.count("grpc-status 8", "grpc-status 4") == 3


def test_how_many_took_longer() -> None:
    latencies = Latencies()
    for milliseconds in (1, 99, 101, 250):
        latencies.add(milliseconds * 1_000_000)
    assert latencies.above(100_000_000) == 2
    assert latencies.above(0) == 4
