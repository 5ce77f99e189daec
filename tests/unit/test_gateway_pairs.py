"""Pairs: both bundles on one row, whoever comes first by chance; what cannot be compared is no pair."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.backends.backend import Away, BackendError, Timed
from gateway.call import Call, FeatureStatus, Priority
from gateway.cutoff import RUNS
from gateway.features.plan import Plan
from gateway.intake import Row
from gateway.lane import Decided, Lane
from gateway.matrix import MatrixBuilder
from gateway.meters import Meters, ShadowMeters
from gateway.money import Money, Worth
from gateway.pairs import DUTY, PAUSE, Contender, Pairs
from gateway.policy import Policy, Thresholds
from gateway.sample import Sample
from gateway.served import Part
from gateway.signs import Half, Signs
from gateway.stored import StoredReader
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.plans import small_plan
from gateway.testing.scripted_backend import ScriptedBackend
from gateway.witness import Witness
from monitoring.series import SeriesFile
from routing.declared import Measure
from routing.table import CHAMPION, NOT_DRAWN, SHADOW
from routing.window import Pair

POLICY = Policy("p1", 0.0, 100.0, Thresholds((10.0,), ("approve", "decline")))
MEASURES = [
    Measure("slower", 0.1),
    Measure("tail", 0.25),
    Measure("flaky"),
    Measure("flips"),
    Measure("score_shift", 0.5),
]
SLOWER, TAIL, FLAKY, FLIPS, SHIFT = (1 << at for at in range(5))
EVENT_NOW = 10_000.0


class Told(ScriptedBackend):
    """Says when it runs, and can take its time or be away."""

    def __init__(self, name: str, said: list[str]) -> None:
        super().__init__()
        self.name = name
        self.said = said
        self.away = False
        self.done = self.most_at_once = 0
        self.hangs = False

    async def timed(self, rows: NDArray[np.float32], seconds: float = inf) -> Timed:
        self.said.append(self.name)
        self.most_at_once = max(self.most_at_once, self.said.count(self.name) - self.done)
        await asyncio.sleep(0)
        self.done += 1
        if self.away:
            raise Away("there is no host")
        if self.hangs:
            await asyncio.Event().wait()
        return await super().timed(rows, seconds)


class House:
    """A candidate and a champion whose scores are the amount, and the witness of their pairs."""

    def __init__(self, directory: Path, own_plan: bool = False, policy: Policy = POLICY, in_turn: bool = False) -> None:
        self.plan = small_plan(directory)
        self.features = FixedFeatures()
        series = SeriesFile(directory / "metrics", 0)
        meters = Meters(series, "fraud", POLICY.rule.decisions, [one.name for one in self.plan.stored])
        stored = StoredReader(self.features, self.plan, meters, lambda: 0.0, lambda: EVENT_NOW)
        self.order: list[str] = []
        self.first = 0.0
        self.slept: list[float] = []
        self.candidate, self.champion = Told("candidate", self.order), Told("champion", self.order)
        other = replace(self.plan) if own_plan else self.plan
        self.meters = ShadowMeters(series, "fraud", "2")
        self.witness = Witness(Signs(MEASURES), Part("r", 0, 0, 0))
        self.pairs = Pairs(
            self.contender(SHADOW, other, self.candidate, policy),
            self.contender(CHAMPION, self.plan, self.champion, policy),
            stored,
            self.meters,
            self.witness,
            lambda: self.first,
            self.sleep,
            in_turn,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def contender(self, arm: str, plan: Plan, backend: Told, policy: Policy) -> Contender:
        lane = Lane(arm, "1", "d" * 64, plan, MatrixBuilder(plan, None), ScriptedBackend(), policy)
        return Contender(lane, backend, nullcontext())

    def sample(self, amount: float = 5.0, card: int = 1) -> Sample:
        call = Call("fraud", {"store_id": 9, "card_id": card}, {}, "", 0.0, 1.0, "", Priority.DEFAULT, "", lambda _: 0)
        request = {"amount": amount}
        values = [*(request.get(feature.name, 0.0) for feature in self.plan.request), float(card), 9.0]
        row = Row(call, str(card), self.plan.row_keys(call.entities), values, None)
        matrix = MatrixBuilder(self.plan, None).build(np.zeros((1, len(self.plan.stored))), [values])
        return Sample(row, self.plan, matrix[0], Decided("approve", {"score": amount}))

    async def pair(self, amount: float = 5.0) -> Pair | None:
        """Return the signs of a pair, None where none was made."""
        await self.pairs.watch([self.sample(amount)])
        found = self.taken()
        return found[0] if found else None

    def taken(self) -> list[Pair]:
        """Return the signs of the pairs since the last flush."""
        return [pair._replace(unit=None) for pair in self.witness.pairs.take_pairs()]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def scores(value: float) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    return lambda rows: np.full(len(rows), value)


async def test_both_run_in_turn_and_chance_says_who_begins(house: House) -> None:
    assert await house.pair() == Pair(0, 0)
    house.first = 0.5
    assert await house.pair() == Pair(0, 0)
    assert house.order == ["candidate", "champion"] * 2 + ["champion", "candidate"] * 2


@pytest.mark.parametrize(("in_turn", "at_once"), [(False, 2), (True, 1)])
async def test_on_a_server_that_queues_them_no_run_waits_for_another(
    tmp_path: Path, in_turn: bool, at_once: int
) -> None:
    house = House(tmp_path, in_turn=in_turn)
    assert await house.pair() == Pair(0, 0)
    assert house.order == ["candidate", "champion"] * 2
    assert (house.candidate.most_at_once, house.champion.most_at_once) == (at_once, at_once)


@pytest.mark.parametrize("first", [0.0, 0.9])
@pytest.mark.parametrize(("ours", "theirs", "pair"), [(1.2, 1.0, Pair(SLOWER, 0)), (1.0, 1.2, Pair(0, SLOWER))])
async def test_who_took_longer_by_more_than_the_margin_was_slower(
    house: House, first: float, ours: float, theirs: float, pair: Pair
) -> None:
    house.first, house.candidate.seconds, house.champion.seconds = first, ours, theirs
    assert await house.pair() == pair
    house.candidate.seconds, house.champion.seconds = 1.05, 1.0
    assert await house.pair() == Pair(0, 0)


async def test_the_second_run_is_the_one_that_counts(house: House) -> None:
    cold = iter([9.0, 1.0, 9.0, 1.0])

    def cools(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        house.candidate.seconds = next(cold)
        return rows[:, 0].astype(np.float64)

    house.candidate.script, house.champion.seconds = cools, 1.0
    assert await house.pair() == Pair(0, 0)


async def test_pairs_take_a_small_part_of_a_processor_however_long_they_run(house: House) -> None:
    await house.pair()
    house.candidate.seconds, house.champion.seconds = 0.5, 1.5
    await house.pair()
    assert house.slept == [PAUSE, pytest.approx(4.0 * (1 - DUTY) / DUTY)]


@pytest.mark.parametrize("first", [0.0, 0.9])
async def test_who_raises_is_flaky_and_decides_nothing(house: House, first: float) -> None:
    house.first, house.candidate.failure = first, "broken"
    assert await house.pair() == Pair(FLAKY | FLIPS, 0)
    house.champion.failure = "broken, too"
    assert await house.pair() == Pair(FLAKY, FLAKY), "then neither is to blame"
    house.candidate.failure = None
    assert await house.pair() == Pair(0, FLAKY)


async def test_a_pair_says_whose_row_it_was(house: House) -> None:
    sample = house.sample()
    sample.row.number = 7
    await house.pairs.watch([sample])
    assert house.witness.window(0.0).pairs == (Pair(0, 0, 7),)


async def test_of_each_flush_one_pair_at_most_shows_that_a_bundle_raised(house: House) -> None:
    house.candidate.failure = "away for a third of a second"
    await house.pairs.watch([house.sample()] * 2)
    house.candidate.failure, house.champion.failure = None, "this one, too"
    await house.pairs.watch([house.sample()] * 2)
    house.candidate.failure = "both"
    await house.pairs.watch([house.sample()])
    first, *others = house.taken()
    assert first == Pair(FLAKY | FLIPS, 0)
    assert others == [Pair(FLIPS, 0), Pair(0, 0), Pair(0, 0), Pair(FLAKY, FLAKY)]
    house.candidate.failure = None
    assert await house.pair() == Pair(0, FLAKY), "the next flush has its own"


async def test_one_of_two_runs_that_raises_is_enough(house: House) -> None:
    runs = 0

    def once(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise BackendError("once")
        return rows[:, 0].astype(np.float64)

    house.candidate.script = once
    assert await house.pair() == Pair(FLAKY | FLIPS, 0)


async def test_a_wrong_number_of_scores_is_a_failure(house: House) -> None:
    house.candidate.script = lambda rows: np.zeros(2)
    assert await house.pair() == Pair(FLAKY | FLIPS, 0)


async def test_other_answers_stand_with_the_canary(house: House) -> None:
    house.candidate.script = scores(5.4)
    assert await house.pair() == Pair(0, 0)
    house.candidate.script = scores(6.0)
    assert await house.pair() == Pair(SHIFT, 0)
    house.candidate.script = scores(50.0)
    assert await house.pair() == Pair(FLIPS | SHIFT, 0)
    house.candidate.script = scores(np.nan)
    assert await house.pair() == Pair(FLIPS, 0), "what keeps no contract decides nothing"
    house.champion.script = scores(np.nan)
    assert await house.pair() == Pair(0, 0), "then there is nothing to compare with"


@pytest.mark.parametrize("arm", ["candidate", "champion"])
async def test_while_nobody_can_be_asked_there_is_no_pair(house: House, arm: str) -> None:
    getattr(house, arm).away = True
    assert await house.pair() is None


async def test_a_run_that_does_not_end_is_no_pair(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.pairs.RUN_PATIENCE", 0.0)
    house.candidate.hangs = True
    assert await house.pair() is None


async def test_values_that_no_model_can_take_are_the_callers_mistake(house: House) -> None:
    sample = house.sample()
    sample.features[0] = np.inf
    await house.pairs.watch([sample])
    assert house.witness.pairs.take_pairs() == ()


async def test_the_tail_begins_beyond_the_frozen_cut_off(house: House) -> None:
    house.candidate.seconds, house.champion.seconds = 50.0, 1.0
    usual = Half(Decided("approve", {"score": 5.0}), 1.0)
    for _ in range(RUNS - 1):
        house.witness.pairs.note(usual, usual)
    house.witness.pairs.take_pairs()
    assert await house.pair() == Pair(SLOWER, 0), "before it is frozen it says nothing"
    assert await house.pair() == Pair(SLOWER | TAIL, 0)
    house.candidate.seconds = 1.2
    assert await house.pair() == Pair(SLOWER, 0)
    house.champion.seconds = 50.0
    assert await house.pair() == Pair(0, SLOWER | TAIL)


async def test_a_candidate_with_features_of_its_own_gets_them_read(tmp_path: Path) -> None:
    house = House(tmp_path, own_plan=True)
    entities = {"card_id": 1, "store_id": 9}
    house.features.put(house.plan, entities, {"card_count": 1.0, "card_limit": 2.0, "store_count": 3.0}, EVENT_NOW - 10)
    seen: list[list[float]] = []

    def remember(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        seen.append(rows[0].tolist())
        return rows[:, 0].astype(np.float64)

    house.candidate.script = remember
    assert await house.pair() is not None
    assert seen[0][1:3] == [1.0, 3.0]


@pytest.mark.parametrize("status", [FeatureStatus.LATE, FeatureStatus.MISSING])
async def test_what_could_not_be_read_for_the_candidate_is_no_pair(tmp_path: Path, status: FeatureStatus) -> None:
    """A limit has no default; and a default that stands in only because Redis was late is no difference of bundles."""
    house = House(tmp_path, own_plan=True)
    house.features.away = status is FeatureStatus.LATE
    assert await house.pair() is None
    assert house.order == []


async def test_rows_are_compared_and_their_money_counted(tmp_path: Path) -> None:
    money = Money("amount", {"approve": Worth(share=0.5), "decline": Worth(each=-1.0)})
    house = House(tmp_path, policy=replace(POLICY, money=money))
    house.candidate.script = scores(50.0)
    await house.pairs.watch([house.sample(4.0, card=7), house.sample(6.0, card=8)])
    found = house.witness.pairs.take_comparison()
    assert (found.rows, found.flips, found.distance) == (2, 2, 46.0 + 44.0)
    assert found.money == (-1.0 - 2.0) + (-1.0 - 3.0)
    assert [one.entity for one in found.most_different] == ["card_id 7, store_id 9", "card_id 8, store_id 9"]
    assert house.witness.pairs.take_comparison().rows == 0
    health = house.witness.health.take(0.0)
    assert (health.canary_scores.constant, health.champion_scores.constant) == (True, False)


async def test_a_pinned_row_is_no_evidence(house: House) -> None:
    sample = house.sample()
    await house.pairs.watch([replace(sample, row=replace(sample.row, number=NOT_DRAWN))])
    assert house.witness.pairs.take_pairs() == ()
    assert await house.pair() is not None
