"""Admission under load, in virtual time: what it lets in is answered in time, and it lets in what can be."""

from collections.abc import Callable, Iterator
from heapq import merge

import pytest

from gateway.call import Priority
from tests.sim.callers import Ask, Callers, Ledger, poisson
from tests.sim.worker_model import HEAVY, Costs, Worker, simulate

LIGHT: dict[str, float] = {}


def play(asks: Callable[[float], Iterator[Ask]], costs: Costs) -> Ledger:
    """Return the ledger of callers before a worker with one deployment; `asks` gets the worker's capacity."""
    ledgers = []

    async def scenario(worker: Worker) -> None:
        worker.deploy("fraud", costs)
        ledgers.append(await Callers(worker, asks(costs.capacity)).finish())

    simulate(scenario)
    return ledgers[0]


def possible(costs: Costs, offered: float) -> float:
    """Return the calls a second that can be answered while all others, of `offered` a second, are refused."""
    refusal = costs.arrive + costs.refuse
    return min(offered, (1.0 - offered * refusal) / (1.0 / costs.capacity - refusal))


@pytest.mark.parametrize("costs", [LIGHT, HEAVY], ids=["light", "heavy"])
def test_steady(costs: dict[str, float]) -> None:
    seconds = 4 if costs is LIGHT else 10
    ledger = play(lambda capacity: poisson(0.8 * capacity, 0, seconds, seed=1), Costs(**costs))
    assert ledger.total("good") == ledger.total("sent")
    assert ledger.quantile(0.99) < 0.04


@pytest.mark.parametrize("times", [1, 2, 3, 5])
def test_goodput_under_overload_where_a_run_costs_a_millisecond(times: int) -> None:
    costs = Costs(**HEAVY)
    offered = times * costs.capacity
    ledger = play(lambda capacity: poisson(offered, 0, 8, seed=2), costs)
    assert ledger.total("good", seconds=range(1, 8)) >= 0.9 * 7 * possible(costs, offered)
    assert ledger.total("late") <= 0.02 * ledger.total("sent")
    if times > 1:
        assert sorted(ledger.refused_after)[int(0.99 * len(ledger.refused_after))] < 0.005


@pytest.mark.parametrize("times", [1, 2])
def test_goodput_under_overload_where_refusing_costs_a_fair_part_of_answering(times: int) -> None:
    """At three times its capacity this worker could not even refuse them all, so nothing is promised there."""
    costs = Costs()
    offered = times * costs.capacity
    ledger = play(lambda capacity: poisson(offered, 0, 3, seed=3), costs)
    assert ledger.total("good", seconds=range(1, 3)) >= 0.9 * 2 * possible(costs, offered)
    assert ledger.total("late") <= 0.01 * ledger.total("sent")


@pytest.mark.parametrize("times", [2, 4])
def test_critical_calls_are_answered_while_they_are_few(times: int) -> None:
    def asks(capacity: float) -> Iterator[Ask]:
        critical = (Ask(ask.at, priority=Priority.CRITICAL) for ask in poisson(0.4 * capacity, 0, 6, seed=4))
        others = (
            Ask(ask.at, priority=max(ask.priority, Priority.DEFAULT))
            for ask in poisson((times - 0.4) * capacity, 0, 6, seed=5)
        )
        return merge(critical, others, key=lambda ask: ask.at)

    ledger = play(asks, Costs(**HEAVY))
    assert ledger.total("good", priority=Priority.CRITICAL) >= 0.999 * ledger.total("sent", priority=Priority.CRITICAL)
    sheddable = ledger.total("good", priority=Priority.SHEDDABLE) / ledger.total("sent", priority=Priority.SHEDDABLE)
    default = ledger.total("good", priority=Priority.DEFAULT) / ledger.total("sent", priority=Priority.DEFAULT)
    assert sheddable < default


def test_a_burst_that_fits_the_budget_is_answered() -> None:
    def asks(capacity: float) -> Iterator[Ask]:
        bursts = (Ask(second + 0.5) for second in range(5) for _ in range(int(0.03 * capacity)))
        return merge(bursts, poisson(0.4 * capacity, 0, 6, seed=6), key=lambda ask: ask.at)

    ledger = play(asks, Costs(**HEAVY))
    assert ledger.total("good") == ledger.total("sent")


def test_a_slow_store_lengthens_lists_and_refuses_nobody() -> None:
    ledger = play(lambda capacity: poisson(0.3 * capacity, 0, 4, seed=7), Costs(store=0.01))
    assert ledger.total("good") >= 0.999 * ledger.total("sent")


def test_big_requests_and_single_ones() -> None:
    """Two callers with 256 rows at once each, again and again, beside single calls."""

    def asks(capacity: float) -> Iterator[Ask]:
        many = (Ask(at / 100, priority=Priority.SHEDDABLE) for at in range(0, 500, 4) for _ in range(256))
        return merge(many, poisson(0.3 * capacity, 0, 5, seed=8), key=lambda ask: ask.at)

    ledger = play(asks, Costs())
    for priority in (Priority.CRITICAL, Priority.DEFAULT):
        assert ledger.total("good", priority=priority) >= 0.999 * ledger.total("sent", priority=priority)


@pytest.mark.parametrize("costs", [LIGHT, HEAVY], ids=["light", "heavy"])
def test_callers_that_try_three_times_do_not_keep_it_down(costs: dict[str, float]) -> None:
    """2.7 times the capacity for some seconds, then 70 % again: ten seconds later all is well."""
    trigger = 2 if costs is LIGHT else 5

    def asks(capacity: float) -> Iterator[Ask]:
        wave = poisson(2.0 * capacity, 1, 1 + trigger, seed=9, tries=3)
        usual = poisson(0.7 * capacity, 0, trigger + 12, seed=10, tries=3)
        return merge(wave, usual, key=lambda ask: ask.at)

    ledger = play(asks, Costs(**costs))
    after = range(trigger + 11, trigger + 12)
    assert ledger.total("good", seconds=after) == ledger.total("sent", seconds=after)
    assert ledger.quantile(0.99, since=trigger + 11) < 0.04


def test_nobody_pays_for_a_neighbour_that_asks_too_much() -> None:
    ledgers = []

    async def scenario(worker: Worker) -> None:
        worker.deploy("greedy", Costs(**HEAVY))
        worker.deploy("modest", Costs(**HEAVY))
        capacity = Costs(**HEAVY).capacity
        asks = merge(
            poisson(5 * capacity, 0, 6, seed=11, deployment="greedy"),
            poisson(0.3 * capacity, 0, 6, seed=12, deployment="modest"),
            key=lambda ask: ask.at,
        )
        ledgers.append(await Callers(worker, asks).finish())

    simulate(scenario)
    ledger = ledgers[0]
    for priority in (Priority.CRITICAL, Priority.DEFAULT):
        assert ledger.total("good", "modest", priority) == ledger.total("sent", "modest", priority)
    shed = [ledger.total(what, "modest", Priority.SHEDDABLE) for what in ("good", "sent")]
    assert shed[0] >= 0.6 * shed[1], "it is a busy worker: what may be shed is, in part"
    assert ledger.total("good", "greedy") > 6 * 0.3 * Costs(**HEAVY).capacity, "what is left is used"


@pytest.mark.parametrize("lists", [1, 2])
def test_a_flood_of_critical_calls_that_ends_in_a_stall_leaves_nothing_behind(lists: int) -> None:
    """All that waits is refused by one sweep, so no list ends thereafter; others used to be refused for good."""
    ledgers = []

    async def scenario(worker: Worker) -> None:
        worker.deploy("fraud", Costs(**HEAVY), lists=lists)
        flood = poisson(3 * Costs(**HEAVY).capacity, 0, 3, seed=4)
        worker.loop.call_later(2.95, worker.loop.spend, 0.2)
        asks = merge(
            (Ask(ask.at, priority=Priority.CRITICAL) for ask in flood),
            (Ask(ask.at, priority=Priority.DEFAULT) for ask in poisson(20, 3.3, 6, seed=5)),
            key=lambda ask: ask.at,
        )
        ledgers.append(await Callers(worker, asks).finish())

    simulate(scenario)
    default = [ledgers[0].total(what, priority=Priority.DEFAULT, seconds=range(4, 6)) for what in ("good", "sent")]
    assert default[0] == default[1] > 0


LONG_RUN: dict[str, float] = {"run": 0.03, "run_row": 1e-4}
"""A run of 30 ms, however many rows it has: 64 rows every 36 ms, at best."""


def test_where_runs_take_turns_a_list_gathers_until_its_turn_is_near() -> None:
    """What started as soon as it could would wait for two runs before its own, and be too late."""
    costs = Costs(**LONG_RUN)
    ledger = play(lambda capacity: poisson(0.85 * capacity, 0, 6, seed=13), costs)
    assert ledger.total("good") >= 0.95 * ledger.total("sent")
    assert ledger.total("late") <= 0.02 * ledger.total("sent")


def test_critical_calls_among_long_runs_wait_for_one_of_them() -> None:
    def asks(capacity: float) -> Iterator[Ask]:
        critical = (Ask(ask.at, priority=Priority.CRITICAL) for ask in poisson(0.3 * capacity, 0, 6, seed=14))
        others = (Ask(ask.at, priority=Priority.DEFAULT) for ask in poisson(1.7 * capacity, 0, 6, seed=15))
        return merge(critical, others, key=lambda ask: ask.at)

    ledger = play(asks, Costs(**LONG_RUN))
    assert ledger.total("good", priority=Priority.CRITICAL) >= 0.97 * ledger.total("sent", priority=Priority.CRITICAL)
