"""The line, with scripted backends, fixed features and a manual clock: every row is answered once, and rightly."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from gateway.admission import FIRST_ROWS, LIST_ROWS, Admission
from gateway.backends.backend import BackendError
from gateway.call import Answer, Call, FeatureStatus, Priority, Scalar
from gateway.deployment import Deployment, UnitRule
from gateway.entrance import Entrance
from gateway.entrances import Entrances
from gateway.errors import (
    DeadlineExceeded,
    DeploymentNotFound,
    FeaturesMissing,
    FeaturesUnavailable,
    GatewayError,
    InternalError,
    InvalidRequest,
    Overloaded,
    PredictionFailed,
)
from gateway.features.block import FeatureBlock
from gateway.features.plan import Plan
from gateway.intake import Intake
from gateway.lane import Lane
from gateway.lanes import Lanes
from gateway.line import Line
from gateway.loop_lag import LoopLag
from gateway.matrix import MatrixBuilder
from gateway.meters import Meters, ShadowMeters
from gateway.mirror import Mirror
from gateway.policy import Policy, Thresholds
from gateway.record import DeploymentRecorder
from gateway.rescue import RescueLimits
from gateway.served import Part
from gateway.shadow import Shadow
from gateway.signs import Signs
from gateway.stored import StoredReader
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.kept_records import KeptRecords
from gateway.testing.manual_clock import ManualClock
from gateway.testing.plans import small_plan
from gateway.testing.scripted_backend import ScriptedBackend, first_column
from gateway.witness import Witness
from monitoring import metrics
from monitoring.exposition import WorkersCollector
from monitoring.records.record import Record
from monitoring.records.writer import RecordCounts
from monitoring.series import SeriesFile
from routing.declared import Measure
from routing.order import UNKNOWN
from routing.table import CANARY, CHAMPION, FALLBACK, SHADOW, Canary, Table

EVENT_NOW = 10_000.0
POLICY = Policy("p1", 0.0, 100.0, Thresholds((10.0,), ("approve", "decline")))
MEASURES = [Measure("row_faults"), Measure("contract"), Measure("decisions", decisions=("decline",))]
FAULT, BREACH, DECLINED = 1, 2, 4
Result = Answer | GatewayError
Column = NDArray[np.float64]


class TimedFeatures(FixedFeatures):
    """Remembers how long it was allowed to take."""

    def __init__(self) -> None:
        super().__init__()
        self.timeouts: list[float] = []

    async def read(
        self,
        plan: Plan,
        keys: Sequence[tuple[bytes, ...]],
        event_now: float,
        timeout: float,  # noqa: ASYNC109  # as FeatureReader
    ) -> FeatureBlock:
        self.timeouts.append(timeout)
        return await super().read(plan, keys, event_now, timeout)


class HangingBackend(ScriptedBackend):
    """Can be told never to come back."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = False
        self.cancelled = 0
        self.told: list[float] = []
        """The seconds that each run might take."""

    async def run(self, rows: NDArray[np.float32], seconds: float = inf) -> NDArray[np.float64]:
        self.told.append(seconds)
        if self.hangs:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return await super().run(rows, seconds)


@dataclass
class House:
    """A whole deployment in memory: the model's score is the amount, so that answers can be told apart."""

    door: Entrances
    features: "TimedFeatures"
    clock: ManualClock
    wall: ManualClock
    """The deployment's clock, in unix seconds."""
    backends: dict[str, "HangingBackend"]
    plan: Plan
    line: Line
    registry: CollectorRegistry
    kept: KeptRecords
    witness: Witness
    results: dict[str, list[Result]] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, seconds: float) -> None:
        """Let every run of the champion take so long."""

        def slow(rows: NDArray[np.float32]) -> NDArray[np.float64]:
            self.clock.advance(seconds)
            return first_column(rows)

        self.backends[CHAMPION].script = slow

    def submit(
        self,
        request_id: str,
        card: Scalar = 1,
        features: Mapping[str, Scalar] | None = None,
        deadline: float = np.inf,
        deployment: str = "fraud",
        priority: Priority = Priority.DEFAULT,
        left: bool = False,
    ) -> None:
        def reply(result: Result) -> None:
            self.results.setdefault(request_id, []).append(result)
            self.arrived.set()

        values = {"amount": 5.0, "customer_present": True, **(features or {})}
        entities: dict[str, Scalar] = {"card_id": card, "store_id": 9}
        now = self.clock()
        self.door.submit(
            Call(deployment, entities, values, "", now, deadline, request_id, priority, "", reply, lambda: left)
        )

    async def outcome(self, request_id: str) -> Result:
        while request_id not in self.results:
            self.arrived.clear()
            await self.arrived.wait()
        (result,) = self.results[request_id]
        return result

    async def outcome_of(self, request_id: str, **call: object) -> Result:
        self.submit(request_id, **call)  # type: ignore[arg-type]
        return await self.outcome(request_id)

    async def answer(self, request_id: str, **call: object) -> Answer:
        self.submit(request_id, **call)  # type: ignore[arg-type]
        result = await self.outcome(request_id)
        assert isinstance(result, Answer), result
        return result

    async def error(self, request_id: str, **call: object) -> GatewayError:
        self.submit(request_id, **call)  # type: ignore[arg-type]
        result = await self.outcome(request_id)
        assert isinstance(result, GatewayError), result
        return result

    def check_records(self) -> None:
        """Every answer has one record, which says the same; an error has one too, or none where no lane had it yet."""
        by_id: dict[str, list[Record]] = {}
        for record in self.kept.records:
            by_id.setdefault(record.request_id, []).append(record)
        for request_id, (result,) in self.results.items():
            records = by_id.get(request_id, [])
            if isinstance(result, GatewayError):
                assert [record.code for record in records] in ([], [result.code])
                continue
            (record,) = records
            assert (record.code, record.arm, record.decision) == ("OK", result.arm, result.decision)
            assert (record.assigned, record.rescued) == (result.assigned or result.arm, bool(result.assigned))
            assert (record.outputs, record.degraded) == (result.outputs, result.degraded_reasons)
            assert record.not_fresh == {name: status.name.lower() for name, status in result.statuses.items()}
            assert record.total_us == round(result.total_time * 1e6)

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, {"deployment": "fraud", **labels}) or 0.0


Build = Callable[..., House]


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    houses: list[House] = []

    def make(
        weight: int = 0,
        shadow_rate: float = 0.0,
        waiting_limit: int = 100,
        lists: int = 2,
        blocking: bool = True,
        fallback: bool = False,
        remote: bool = False,
        **plan: object,
    ) -> House:
        house = make_house(tmp_path, weight, shadow_rate, waiting_limit, lists, blocking, fallback, remote, **plan)
        houses.append(house)
        return house

    yield make
    for house in houses:
        await house.door.close()
        house.check_records()
        assert house.witness.flush(np.inf)[2] == np.inf, "no list is left unsettled"


def infinite_for_seven(columns: Mapping[str, Column]) -> dict[str, Column]:
    return {"infinite": 1.0 / (columns["amount"] - 7.0)}


def make_house(
    directory: Path,
    weight: int,
    shadow_rate: float,
    waiting_limit: int,
    lists: int,
    blocking: bool,
    fallback: bool,
    remote: bool,
    **changes: object,
) -> House:
    plan = small_plan(directory, **changes)
    transform = None if plan.transform is None else infinite_for_seven
    features, series = TimedFeatures(), SeriesFile(directory / "metrics", 0)
    clock, wall = ManualClock(100.0), ManualClock(EVENT_NOW)
    versions = {CHAMPION: "1", CANARY: "2", SHADOW: "2", FALLBACK: "0"}
    backends = {arm: HangingBackend() for arm in versions}
    builder = MatrixBuilder(plan, transform)
    lanes = {
        arm: Lane(arm, version, "d" * 64, plan, builder, backends[arm], POLICY, blocking, remote=remote)
        for arm, version in versions.items()
    }
    table = Table("fraud", 1, "1", b"fraud", Canary("2", weight))
    deployment = Deployment("fraud", UnitRule("entity", "card_id"), "wall", 0.1, POLICY, table)
    admission = Admission(deployment.budget)
    meters = Meters(series, "fraud", POLICY.rule.decisions, [feature.name for feature in plan.stored])
    stored = StoredReader(features, plan, meters, clock, wall)
    shadow_meters = ShadowMeters(series, "fraud", "2")
    shadow = Shadow(lanes[SHADOW], stored, shadow_meters, clock)
    mirror = Mirror(shadow, shadow_rate, shadow_meters.dropped, lambda: 0.5, limit=4)
    answering = {arm: lanes[arm] for arm in (CHAMPION, CANARY, *([FALLBACK] if fallback else []))}
    kept, counter = KeptRecords(), series.counter
    written, dropped, failed = (counter(metrics.RECORDS, "fraud", one) for one in ("written", "dropped", "failed"))
    recorder = DeploymentRecorder("fraud", 1, 1.0, kept, RecordCounts("fraud", written, dropped, failed))
    witness = Witness(Signs(MEASURES), Part("r", step=1, epoch=0, weight=max(weight, 1)))
    line = Line(deployment, Lanes(answering, (mirror,)), stored, admission, meters, recorder, clock, witness)
    intake = Intake(plan, deployment.unit, wall)
    entrance = Entrance(line, intake, admission, clock, lists, waiting_limit, LoopLag())
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkersCollector(directory / "metrics"))
    for card in range(50):
        features.put(
            plan,
            {"card_id": card, "store_id": 9},
            {"card_count": 1.0, "card_limit": 2.0, "store_count": 3.0},
            EVENT_NOW - 10,
        )
    door = Entrances({"fraud": entrance}, {}, LoopLag())
    return House(door, features, clock, wall, backends, plan, line, registry, kept, witness)


async def test_a_call_is_answered_by_the_champion(build: Build) -> None:
    house = build()
    answer = await house.answer("a", features={"amount": 12.0})
    assert (answer.arm, answer.bundle_version, answer.policy_version) == ("champion", "1", "p1")
    assert (answer.decision, answer.outputs) == ("decline", {"score": 12.0})
    assert (answer.degraded_reasons, answer.statuses) == ((), {})
    assert house.counted("sluice_calls_total", arm="champion", code="OK") == 1
    assert house.counted("sluice_decisions_total", arm="champion", decision="decline") == 1


async def test_calls_that_arrive_together_travel_in_one_list(build: Build) -> None:
    house = build()
    for number in range(FIRST_ROWS):
        house.submit(str(number), features={"amount": float(number)})
    for number in range(FIRST_ROWS):
        result = await house.outcome(str(number))
        assert isinstance(result, Answer)
        assert result.outputs["score"] == number
    assert house.backends[CHAMPION].runs == [FIRST_ROWS]


async def test_the_canary_answers_its_share_of_units_and_no_other(build: Build) -> None:
    house = build(weight=5_000)
    for card in range(50):
        house.submit(str(card), card=card)
    arms = {}
    for card in range(50):
        result = await house.outcome(str(card))
        assert isinstance(result, Answer)
        arms[card] = result.arm
        assert result.bundle_version == {"champion": "1", "canary": "2"}[result.arm]
    assert arms == {card: house.line.deployment.table.arm_of(str(card)) for card in range(50)}
    assert set(arms.values()) == {"champion", "canary"}
    assert sum(house.backends[CANARY].runs) == list(arms.values()).count("canary")


async def test_one_bad_row_harms_nobody_else(build: Build) -> None:
    house = build()
    house.submit("good")
    house.submit("bad", features={"amount": "much"})
    house.submit("also good")
    assert isinstance(await house.outcome("bad"), InvalidRequest)
    assert isinstance(await house.outcome("good"), Answer)
    assert isinstance(await house.outcome("also good"), Answer)
    assert house.counted("sluice_calls_total", arm="none", code="INVALID_REQUEST") == 1


async def test_a_score_outside_the_contract_is_that_rows_failure(build: Build) -> None:
    house = build()
    house.submit("good")
    house.submit("bad", features={"amount": 101.0})
    assert isinstance(await house.outcome("bad"), PredictionFailed)
    assert isinstance(await house.outcome("good"), Answer)
    assert house.counted("sluice_calls_total", arm="champion", code="PREDICTION_FAILED") == 1


async def test_a_nan_score_is_never_an_answer(build: Build) -> None:
    house = build()
    house.backends[CHAMPION].script = lambda rows: np.full(len(rows), np.nan)
    assert isinstance(await house.error("a"), PredictionFailed)


@pytest.mark.parametrize("count", [-1, 1])
async def test_a_backend_that_loses_rows_answers_nobody(build: Build, count: int) -> None:
    house = build()
    house.backends[CHAMPION].script = lambda rows: np.zeros(len(rows) + count)
    error = await house.error("a")
    assert isinstance(error, PredictionFailed)
    assert "scores for 1 rows" in str(error)


async def test_a_failing_canary_is_rescued_by_the_champion_and_charged(build: Build) -> None:
    house = build(weight=5_000)
    house.backends[CANARY].failure = "out of memory"
    for card in range(50):
        house.submit(str(card), card=card)
    answers = {card: await house.outcome(str(card)) for card in range(50)}
    canary = [card for card in answers if house.line.deployment.table.arm_of(str(card)) == CANARY]
    for card, answer in answers.items():
        assert isinstance(answer, Answer)
        assert (answer.arm, answer.bundle_version) == (CHAMPION, "1")
        assert answer.assigned == (CANARY if card in canary else "")
    assert house.counted("sluice_rescued_total", arm=CANARY) == len(canary) > 0
    assert house.counted("sluice_calls_total", arm=CANARY, code="OK") == len(canary)
    assert house.counted("sluice_rescued_total", arm=CHAMPION) == 0


async def test_a_canary_that_keeps_failing_is_not_asked_every_time(build: Build) -> None:
    house = build(weight=10_000)
    house.backends[CANARY].failure = "out of memory"
    for number in range(20):
        assert (await house.answer(str(number))).assigned == CANARY
    assert house.line.lanes.answering[CANARY].breaker.open
    assert len(house.backends[CANARY].runs) <= 10, "five calls, and as many looks at what was at fault"
    house.backends[CANARY].failure = None
    house.clock.advance(1.0)
    assert (await house.answer("trial")).arm == CANARY
    assert (await house.answer("closed")).arm == CANARY


async def test_one_canary_row_outside_the_contract_is_rescued_alone(build: Build) -> None:
    house = build(weight=10_000)
    house.backends[CANARY].script = lambda rows: np.where(rows[:, 0] == 7.0, np.nan, rows[:, 0]).astype(np.float64)
    for amount in (5.0, 7.0, 9.0):
        house.submit(str(amount), features={"amount": amount})
    arms = {}
    for amount in (5.0, 7.0, 9.0):
        answer = await house.outcome(str(amount))
        assert isinstance(answer, Answer)
        arms[amount] = answer.arm
    assert arms == {5.0: CANARY, 7.0: CHAMPION, 9.0: CANARY}


async def test_rescues_have_a_budget(build: Build) -> None:
    house = build(weight=10_000)
    house.backends[CANARY].failure = "dead"
    results = []
    for number in range(700):
        house.submit(str(number), card=number % 50)
        results.append(await house.outcome(str(number)))
    rescued = sum(isinstance(result, Answer) for result in results)
    assert rescued == pytest.approx(256 + 350, abs=2), "what was saved up, and half of the rows carried"


async def test_a_bad_row_costs_its_neighbours_nothing(build: Build) -> None:
    house = build()

    def poisoned(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        if (rows[:, 0] == 7.0).any():
            raise BackendError("row of seven")
        return rows[:, 0].astype(np.float64)

    house.backends[CHAMPION].script = poisoned
    for amount in range(16):
        house.submit(str(amount), features={"amount": float(amount)})
    results = [await house.outcome(str(amount)) for amount in range(16)]
    assert [isinstance(result, Answer) for result in results] == [amount != 7 for amount in range(16)]
    assert [result.outputs["score"] for result in results if isinstance(result, Answer)] == [
        float(amount) for amount in range(16) if amount != 7
    ]
    assert isinstance(results[7], PredictionFailed)
    assert house.backends[CHAMPION].runs[:9] == [16, 8, 4, 4, 2, 2, 1, 1, 8], "two runs on each of four levels"


async def test_a_champion_that_fails_every_run_does_not_search_for_ever(build: Build) -> None:
    house = build()
    house.backends[CHAMPION].failure = "dead"
    for number in range(FIRST_ROWS):
        house.submit(str(number), card=number % 50)
    results = [await house.outcome(str(number)) for number in range(FIRST_ROWS)]
    assert all(isinstance(result, PredictionFailed) for result in results)
    assert len(house.backends[CHAMPION].runs) <= 25


async def test_the_fallback_answers_for_the_champion_and_says_so(build: Build) -> None:
    house = build(fallback=True)
    house.backends[CHAMPION].failure = "dead"
    answer = await house.answer("a")
    assert (answer.arm, answer.assigned, answer.bundle_version) == (FALLBACK, CHAMPION, "0")
    assert answer.degraded_reasons == ("fallback",)


async def test_the_fallback_answers_for_a_champion_that_is_not_run_as_long_as_it_takes(build: Build) -> None:
    house = build(fallback=True)
    house.backends[CHAMPION].failure = "dead"
    calls = 4 * int(RescueLimits().most)
    for number in range(calls):
        assert (await house.answer(str(number))).arm == FALLBACK
    assert len(house.backends[CHAMPION].runs) < calls / 10, "its breaker is open"


@pytest.mark.parametrize(
    ("remote", "takes", "told"), [(False, 0.0, 0.097), (True, 0.0, 0.0485), (True, 0.02, 0.08), (True, 0.05, 0.08245)]
)
async def test_a_server_that_says_nothing_leaves_the_fallback_half_of_the_time(
    build: Build, remote: bool, takes: float, told: float
) -> None:
    house = build(fallback=True, remote=remote, blocking=False)
    house.line.lanes.answering[CHAMPION].pace.observe(1, takes)
    assert (await house.answer("a", deadline=house.clock() + 0.1)).arm == CHAMPION
    assert house.backends[CHAMPION].told == [pytest.approx(told)]


async def test_the_fallback_answers_where_the_champion_could_not_finish(build: Build) -> None:
    house = build(fallback=True)
    house.take(0.02)
    for number in range(5):
        assert (await house.answer(f"learning-{number}")).arm == CHAMPION
    answer = await house.answer("hurried", deadline=house.clock() + 0.01)
    assert answer.arm == FALLBACK
    assert len(house.backends[CHAMPION].runs) == 5, "what cannot finish is not begun"


async def test_a_canary_that_hangs_is_given_up_in_time_for_the_champion(build: Build) -> None:
    house = build(weight=10_000, blocking=False)
    house.backends[CANARY].hangs = True
    started = house.clock()
    answer = await house.answer("a", deadline=started + 0.03)
    assert (answer.arm, answer.assigned) == (CHAMPION, CANARY)
    assert house.backends[CANARY].cancelled == 1


async def test_a_canary_that_hangs_keeps_no_other_list_waiting(build: Build) -> None:
    house = build(weight=5_000, blocking=False, lists=1)
    house.backends[CANARY].hangs = True
    arms = {card: house.line.deployment.table.arm_of(str(card)) for card in range(50)}
    for card in range(50):
        house.submit(f"first-{card}", card=card)
    for card in [card for card, arm in arms.items() if arm == CHAMPION]:
        assert isinstance(await house.outcome(f"first-{card}"), Answer)
    hanging = [f"first-{card}" for card, arm in arms.items() if arm == CANARY]
    assert not any(name in house.results for name in hanging)
    champion = next(card for card, arm in arms.items() if arm == CHAMPION)
    assert isinstance(await house.outcome_of("second", card=champion), Answer), "the one list is free again"
    assert not any(name in house.results for name in hanging)
    await house.door.close()
    for name in hanging:
        answer = await house.outcome(name)
        assert isinstance(answer, Answer), "what was accepted is answered, also at the end"
        assert answer.assigned == CANARY


async def test_what_starves_behind_others_is_refused_in_time(build: Build) -> None:
    house = build(lists=1, waiting_limit=1000)
    house.take(0.02)
    house.submit("starving", priority=Priority.SHEDDABLE)
    for number in range(6 * LIST_ROWS):
        house.submit(str(number), card=number % 50, priority=Priority.CRITICAL)
    error = await house.outcome("starving")
    assert isinstance(error, DeadlineExceeded)
    assert house.clock() <= 100.0 + 0.1, "not only when a list has room for it"
    for number in range(6 * LIST_ROWS):
        await house.outcome(str(number))


async def test_one_slow_list_refuses_nobody_on_an_idle_worker(build: Build) -> None:
    house = build()
    house.take(0.5)
    assert isinstance(await house.error("cold", deadline=house.clock() + 0.1), DeadlineExceeded)
    house.backends[CHAMPION].script = first_column
    later = [await house.outcome_of(f"warm-{number}") for number in range(5)]
    assert not any(isinstance(result, Overloaded) for result in later)
    assert isinstance(later[-1], Answer)


async def test_critical_calls_go_first(build: Build) -> None:
    house = build(lists=1)
    for number in range(LIST_ROWS + 8):
        house.submit(f"default-{number}", card=number % 50)
    house.submit("critical", priority=Priority.CRITICAL)
    house.submit("sheddable", priority=Priority.SHEDDABLE)
    answer = await house.answer("last", priority=Priority.SHEDDABLE)
    assert answer
    order = list(house.results)
    assert order.index("critical") == 0
    assert order.index("sheddable") > order.index(f"default-{LIST_ROWS + 7}")


async def test_what_nobody_waits_for_is_not_scored(build: Build) -> None:
    house = build()
    house.submit("gone", left=True)
    await house.answer("here")
    assert house.backends[CHAMPION].runs == [1]
    assert "gone" not in house.results


async def test_a_caller_in_a_hurry_takes_nobodys_features_away(build: Build) -> None:
    house = build()
    house.submit("pressed", deadline=house.clock() + 0.005)
    house.submit("calm")
    await house.outcome("pressed")
    await house.outcome("calm")
    assert sorted(house.features.timeouts) == pytest.approx([0.002, 0.04])


async def test_an_unknown_deployment(build: Build) -> None:
    error = await build().error("a", deployment="fraud2")
    assert isinstance(error, DeploymentNotFound)
    assert "served are fraud" in str(error)


async def test_a_deadline_that_is_over_is_refused_before_work(build: Build) -> None:
    house = build()
    assert isinstance(await house.error("a", deadline=99.9), DeadlineExceeded)
    assert house.backends[CHAMPION].runs == []


async def test_what_queued_and_cannot_be_in_time_any_more_is_not_begun(build: Build) -> None:
    house = build(waiting_limit=1000, lists=1)
    house.take(0.02)
    for number in range(20):  # until it is known that a list takes 20 ms
        await house.answer(f"learning-{number}")
    house.take(0.05)
    for number in range(FIRST_ROWS + 4):
        house.submit(f"hurried-{number}", deadline=house.clock() + 0.065)
    results = [await house.outcome(f"hurried-{number}") for number in range(FIRST_ROWS + 4)]
    assert all(isinstance(result, Answer) for result in results[:FIRST_ROWS])
    assert {str(result) for result in results[FIRST_ROWS:]} == {"what was left of the deadline would not have sufficed"}
    assert len(house.backends[CHAMPION].runs) == 20 + 1, "the second list was not begun"


async def test_what_could_not_be_reached_in_time_is_refused_as_it_comes(build: Build) -> None:
    house = build(waiting_limit=1000, lists=1)
    house.take(0.02)
    for number in range(20):
        await house.answer(f"learning-{number}")
    for number in range(2 * FIRST_ROWS):
        house.submit(f"hurried-{number}", deadline=house.clock() + 0.03)
    refused = [number for number in range(2 * FIRST_ROWS) if f"hurried-{number}" in house.results]
    assert refused == list(range(FIRST_ROWS, 2 * FIRST_ROWS)), "before any list has started"
    error = await house.outcome(f"hurried-{FIRST_ROWS}")
    assert isinstance(error, Overloaded)
    assert 0.1 <= error.retry_after <= 0.2


async def test_while_there_is_no_room_calls_are_refused_unread(build: Build) -> None:
    house = build(waiting_limit=2, lists=1)
    assert house.door.refusal("fraud", Priority.DEFAULT) is None
    for number in range(3):
        house.submit(str(number))
    assert isinstance(house.door.refusal("fraud", Priority.DEFAULT), Overloaded)
    assert house.door.refusal("fraud", Priority.CRITICAL) is None, "it would go before those that wait"
    assert house.door.refusal("nobody", Priority.DEFAULT) is None
    await house.outcome("0")
    assert house.door.refusal("fraud", Priority.DEFAULT) is None, "a list has made room"
    assert house.counted("sluice_calls_total", arm="none", code="OVERLOADED") == 2


async def test_what_cannot_finish_is_not_begun_but_tried_again_after_a_while(build: Build) -> None:
    house = build()
    house.take(0.02)
    for number in range(20):
        await house.answer(f"learning-{number}")
    house.backends[CHAMPION].script = first_column
    results = []
    for number in range(10):
        house.submit(f"hurried-{number}", deadline=house.clock() + 0.001)
        results.append(await house.outcome(f"hurried-{number}"))
    assert isinstance(results[0], DeadlineExceeded)
    assert isinstance(results[-1], Answer), "an estimate that nobody contradicts must not stand for good"


async def test_an_answer_after_the_deadline_is_no_answer(build: Build) -> None:
    house = build()
    house.take(0.2)  # longer than the deployment's 0.1 s
    assert isinstance(await house.error("a"), DeadlineExceeded)
    assert house.counted("sluice_calls_total", arm="champion", code="DEADLINE_EXCEEDED") == 1


async def test_what_failed_is_recorded_with_its_error_and_what_the_model_was_given(build: Build) -> None:
    house = build()
    house.submit("good", features={"amount": 3.0})
    house.submit("bad", features={"amount": 101.0})
    await house.outcome("bad")
    good, bad = house.kept.records
    assert (good.request_id, good.code, good.decision, good.outputs) == ("good", "OK", "approve", {"score": 3.0})
    assert (bad.request_id, bad.code, bad.decision, bad.outputs) == ("bad", "PREDICTION_FAILED", "", {})
    assert "outside" in bad.message
    assert bad.model_row["amount"] == 101.0
    assert bad.stored == {"card_count": 1.0, "card_limit": 2.0, "store_count": 3.0}


async def test_what_a_canary_failed_is_recorded_once_by_the_arm_that_answered(build: Build) -> None:
    house = build(weight=10_000)
    house.backends[CANARY].failure = "dead"
    await house.answer("a")
    (record,) = house.kept.records
    assert (record.assigned, record.arm, record.rescued, record.bundle_version) == (CANARY, CHAMPION, True, "1")


async def test_no_room_for_records_is_no_callers_business(build: Build) -> None:
    house = build()
    house.kept.full = True
    await house.answer("a")
    house.kept.full = False
    await house.answer("b")
    assert house.counted("sluice_records_total", outcome="dropped") == 1
    assert house.counted("sluice_records_total", outcome="written") == 1
    del house.results["a"]


async def test_a_refusal_needs_no_file(build: Build, tmp_path: Path) -> None:
    """Whatever becomes of the metric files, a refused row is answered, and its neighbours are too."""
    house = build()
    shutil.rmtree(tmp_path / "metrics")
    house.submit("bad", features={"amount": "much"})
    house.submit("good")
    assert isinstance(await house.outcome("bad"), InvalidRequest)
    assert isinstance(await house.outcome("good"), Answer)


async def test_values_that_make_a_feature_infinite_are_that_rows_mistake(build: Build) -> None:
    house = build(features=["infinite"], transform={"module": "models.fraud.transform", "sha256": "0" * 64})
    house.submit("bad", features={"amount": 7.0})
    house.submit("good", features={"amount": 8.0})
    assert isinstance(await house.outcome("bad"), InvalidRequest)
    assert isinstance(await house.outcome("good"), Answer)


async def test_too_many_waiting_calls_are_refused_and_the_others_answered(build: Build) -> None:
    house = build(waiting_limit=5)
    for number in range(8):
        house.submit(str(number))
    results = [await house.outcome(str(number)) for number in range(8)]
    assert [isinstance(result, Answer) for result in results] == [True] * 5 + [False] * 3
    assert all(isinstance(result, Overloaded) for result in results[5:])


async def test_the_store_is_away_and_the_defaults_allow_it(build: Build) -> None:
    house = build()
    house.features.away = True
    error = await house.error("a")  # card_limit takes no default
    assert isinstance(error, FeaturesUnavailable)
    assert "card_limit" in str(error)
    answer = await house.answer("b", features={"card_limit": 4.0})
    assert answer.degraded_reasons == ("features_late",)
    assert answer.statuses == {"card_count": FeatureStatus.LATE, "store_count": FeatureStatus.LATE}
    assert house.counted("sluice_features_not_fresh_total", feature="card_count", status="late") == 2


async def test_a_new_card_is_new_and_not_degraded(build: Build) -> None:
    house = build()
    answer = await house.answer("a", card=999, features={"card_limit": 1.0})
    assert answer.degraded_reasons == ()
    assert answer.statuses == {"card_count": FeatureStatus.MISSING}


async def test_an_old_value_is_stale_and_says_so(build: Build) -> None:
    house = build()
    house.features.put(house.plan, {"card_id": 1, "store_id": 9}, {"card_count": 7.0}, EVENT_NOW - 3601)
    answer = await house.answer("a", features={"card_limit": 1.0})
    assert answer.statuses == {"card_count": FeatureStatus.STALE}
    assert answer.degraded_reasons == ("features_stale",)


async def test_one_row_without_features_harms_no_other(build: Build) -> None:
    house = build()
    house.submit("known", card=1)
    house.submit("unknown", card=999)
    assert isinstance(await house.outcome("unknown"), FeaturesMissing)
    assert isinstance(await house.outcome("known"), Answer)
    assert house.backends[CHAMPION].runs == [1]


async def test_shadows_see_a_sample_after_the_reply_and_flips_are_counted(build: Build) -> None:
    house = build(shadow_rate=0.6)  # the draw is always 0.5
    house.backends[SHADOW].script = lambda rows: np.full(len(rows), 50.0)
    await house.answer("a", features={"amount": 5.0})
    assert house.backends[SHADOW].runs == []
    await house.line.lanes.mirrors[0].close()
    assert house.backends[SHADOW].runs == [1]
    assert house.counted("sluice_shadow_rows_total", version="2", outcome="ok") == 1
    assert house.counted("sluice_shadow_flips_total", version="2") == 1


async def test_a_failing_shadow_is_nobodys_business(build: Build) -> None:
    house = build(shadow_rate=0.6)
    house.backends[SHADOW].failure = "no"
    await house.answer("a")
    await house.line.lanes.mirrors[0].close()
    assert house.counted("sluice_shadow_rows_total", version="2", outcome="failed") == 1


async def test_shadow_rows_without_room_are_dropped_and_counted(build: Build) -> None:
    house = build(shadow_rate=0.6)  # room for 4
    for number in range(10):
        house.submit(str(number))
    await house.outcome("9")
    await house.line.lanes.mirrors[0].close()
    assert house.counted("sluice_shadow_rows_total", version="2", outcome="dropped") == 6
    assert house.counted("sluice_shadow_rows_total", version="2", outcome="ok") == 4


async def test_a_defect_in_the_line_is_an_internal_error_for_its_own_list(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    house = build()

    def defect(rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        raise KeyError("a defect of ours")

    house.backends[CHAMPION].script = defect
    assert isinstance(await house.error("a"), InternalError)
    assert "a list failed" in caplog.text
    house.backends[CHAMPION].script = lambda rows: np.zeros(len(rows))
    await house.answer("b")


@pytest.mark.parametrize("seconds", [86_400.0, -86_400.0])
async def test_a_wall_clock_that_jumps_makes_features_old_or_new_and_nothing_else(build: Build, seconds: float) -> None:
    house = build()
    await house.answer("before")
    house.wall.advance(seconds)
    result = await house.outcome_of("after")
    # card_limit takes no default, and all of the card's features have a limit of an hour.
    assert isinstance(result, FeaturesUnavailable if seconds > 0 else Answer)
    house.wall.advance(-seconds)
    assert (await house.answer("later")).statuses == {}


async def test_a_monotonic_clock_that_jumps_costs_what_was_under_way_and_little_else(build: Build) -> None:
    """A machine that slept: its clock stood still for everybody, and then it did not."""
    house = build()

    def sleeps(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        house.clock.advance(3600.0)
        return rows[:, 0].astype(np.float64)

    house.backends[CHAMPION].script = sleeps
    assert isinstance(await house.error("asleep"), DeadlineExceeded)
    house.backends[CHAMPION].script = first_column
    results = [await house.outcome_of(f"awake-{number}") for number in range(20)]
    refused = sum(not isinstance(result, Answer) for result in results)
    assert refused <= 16, "an estimate that is far too high is halved every time that it refuses somebody"
    assert isinstance(results[-1], Answer)


async def test_draining_answers_what_was_taken(build: Build) -> None:
    house = build(lists=1)
    for number in range(90):
        house.submit(str(number))
    house.door.stop()
    assert not house.door.ready()
    await house.door.close()
    assert sum(isinstance(results[0], Answer) for results in house.results.values()) == 90


async def witnessed(house: House) -> dict[int, list[tuple[bool, int]]]:
    """Return by unit's number whose each of its calls was and what it showed, once everything is settled."""
    await house.door.close()
    calls, _, until = house.witness.flush(np.inf)
    assert until == np.inf
    found: dict[int, list[tuple[bool, int]]] = {}
    for call in calls:
        assert (call.step, call.epoch, call.weight) == (1, 0, house.witness.part.weight)
        found.setdefault(call.unit, []).append((call.canary, call.signs))
    return found


def number(house: House, card: int) -> int:
    return house.line.deployment.table.place(str(card))[1]


async def test_every_row_is_witnessed_by_the_arm_it_was_assigned_to(build: Build) -> None:
    house = build(weight=5_000)
    arms = {card: (await house.answer(str(card), card=card)).arm for card in range(20)}
    found = await witnessed(house)
    assert found == {number(house, card): [(arms[card] == CANARY, 0)] for card in range(20)}
    assert set(arms.values()) == {CHAMPION, CANARY}


async def test_decisions_and_breaches_are_witnessed_and_callers_mistakes_are_nobodys(build: Build) -> None:
    house = build()
    house.submit("declined", card=1, features={"amount": 50.0})
    house.submit("breach", card=2, features={"amount": 101.0})
    house.submit("approved", card=3)
    house.submit("unreadable", card=4, features={"amount": "much"})
    await house.outcome("approved")
    assert await witnessed(house) == {
        number(house, 1): [(False, DECLINED)],
        number(house, 2): [(False, BREACH)],
        number(house, 3): [(False, 0)],
    }


@pytest.mark.parametrize("weight", [0, 10_000])
async def test_the_row_at_fault_is_witnessed_once_it_is_found_in_either_arm(build: Build, weight: int) -> None:
    house = build(weight=weight)
    arm = CANARY if weight else CHAMPION

    def breaks_at_seven(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        if (rows[:, 0] == 7.0).any():
            raise BackendError("seven")
        return first_column(rows)

    house.backends[arm].script = breaks_at_seven
    for card, amount in enumerate((5.0, 7.0, 50.0)):
        house.submit(str(card), card=card, features={"amount": amount})
    for card in range(3):
        await house.outcome(str(card))
    assert house.witness.flush(200.0)[2] == 100.0, "the search goes on when everybody has been answered"
    canary = bool(weight)
    assert await witnessed(house) == {
        number(house, 0): [(canary, 0)],
        number(house, 1): [(canary, FAULT)],
        number(house, 2): [(canary, DECLINED)],
    }


async def test_a_run_that_is_flaky_is_no_rows_fault_and_one_that_never_began_shows_nothing(build: Build) -> None:
    house = build(weight=10_000)
    runs = 0

    def fails_first(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise BackendError("once")
        return first_column(rows)

    house.backends[CANARY].script = fails_first
    assert (await house.answer("flaky", card=1)).arm == CHAMPION
    while house.witness.flush(200.0)[2] < 200.0:  # noqa: ASYNC110  # the search's own task brings it about
        await asyncio.sleep(0)
    while not house.line.lanes.answering[CANARY].breaker.open:
        house.line.lanes.answering[CANARY].breaker.failed(house.clock())
    assert (await house.answer("not begun", card=2)).arm == CHAMPION
    assert await witnessed(house) == {number(house, 2): [(True, UNKNOWN)]}
    assert house.counted("sluice_faults_total", arm="canary", kind="flaky") == 1
    assert house.counted("sluice_faults_total", arm="canary", kind="row") == 0


async def test_calls_that_are_refused_for_want_of_room_are_a_strain(build: Build) -> None:
    house = build()
    house.line.count_refusal(InvalidRequest("yours"))
    assert not house.witness.window(200.0).health.strained
    house.line.count_refusal(Overloaded("no room"))
    assert house.witness.window(201.0).health.strained


@pytest.mark.parametrize(("faults", "seen"), [(False, 1), (True, 2)])
async def test_a_mirror_may_see_what_the_champion_failed_too(build: Build, faults: bool, seen: int) -> None:
    """A caller's mistake is for nobody; a breach of the champion's contract is for those who compare."""
    house = build(shadow_rate=1.0)
    mirror = house.line.lanes.mirrors[0]
    mirror.faults = faults
    house.submit("fine", card=1)
    house.submit("breach", card=2, features={"amount": 101.0})
    house.submit("unreadable", card=3, features={"amount": "much"})
    await house.outcome("fine")
    await house.outcome("breach")
    await mirror.close()
    assert house.backends[SHADOW].runs == [seen]
