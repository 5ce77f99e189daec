"""The line, with scripted backends, fixed features and a manual clock: every row is answered once, and rightly."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from gateway.admission import LIST_ROWS, Admission, Entrance
from gateway.call import Answer, Call, FeatureStatus, Priority, Scalar
from gateway.deployment import Deployment, UnitRule
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
from gateway.features.plan import Plan
from gateway.intake import Intake
from gateway.lane import Lane
from gateway.line import Lanes, Line
from gateway.matrix import MatrixBuilder
from gateway.meters import Meters, ShadowMeters
from gateway.policy import Policy, Thresholds
from gateway.shadow import Shadow
from gateway.stored import StoredReader
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.manual_clock import ManualClock
from gateway.testing.plans import small_plan
from gateway.testing.scripted_backend import ScriptedBackend, first_column
from monitoring.exposition import WorkersCollector
from monitoring.series import SeriesFile
from routing.table import CANARY, CHAMPION, SHADOW, Canary, Table

EVENT_NOW = 10_000.0
POLICY = Policy("p1", 0.0, 100.0, Thresholds((10.0,), ("approve", "decline")))
Result = Answer | GatewayError
Column = NDArray[np.float64]


@dataclass
class House:
    """A whole deployment in memory: the model's score is the amount, so that answers can be told apart."""

    admission: Admission
    features: FixedFeatures
    clock: ManualClock
    backends: dict[str, ScriptedBackend]
    plan: Plan
    line: Line
    registry: CollectorRegistry
    results: dict[str, list[Result]] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def submit(
        self,
        request_id: str,
        card: Scalar = 1,
        features: Mapping[str, Scalar] | None = None,
        deadline: float = np.inf,
        deployment: str = "fraud",
    ) -> None:
        def reply(result: Result) -> None:
            self.results.setdefault(request_id, []).append(result)
            self.arrived.set()

        values = {"amount": 5.0, "customer_present": True, **(features or {})}
        entities: dict[str, Scalar] = {"card_id": card, "store_id": 9}
        now = self.clock()
        self.admission.submit(
            Call(deployment, entities, values, "", now, deadline, request_id, Priority.DEFAULT, "", reply)
        )

    async def outcome(self, request_id: str) -> Result:
        while request_id not in self.results:
            self.arrived.clear()
            await self.arrived.wait()
        (result,) = self.results[request_id]
        return result

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

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, {"deployment": "fraud", **labels}) or 0.0


Build = Callable[..., House]


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    houses: list[House] = []

    def make(
        weight: int = 0, shadow_rate: float = 0.0, waiting_limit: int = 100, lists: int = 2, **plan: object
    ) -> House:
        house = make_house(tmp_path, weight, shadow_rate, waiting_limit, lists, **plan)
        houses.append(house)
        return house

    yield make
    for house in houses:
        await house.admission.close()


def infinite_for_seven(columns: Mapping[str, Column]) -> dict[str, Column]:
    return {"infinite": 1.0 / (columns["amount"] - 7.0)}


def make_house(
    directory: Path, weight: int, shadow_rate: float, waiting_limit: int, lists: int, **changes: object
) -> House:
    plan = small_plan(directory, **changes)
    transform = None if plan.transform is None else infinite_for_seven
    features, clock, series = FixedFeatures(), ManualClock(100.0), SeriesFile(directory / "metrics", 0)
    backends = {arm: ScriptedBackend() for arm in (CHAMPION, CANARY, SHADOW)}
    lanes = {
        arm: Lane(arm, version, "d" * 64, plan, MatrixBuilder(plan, transform), backends[arm], POLICY)
        for arm, version in ((CHAMPION, "1"), (CANARY, "2"), (SHADOW, "2"))
    }
    table = Table("fraud", 1, "1", b"fraud", Canary("2", weight))
    deployment = Deployment("fraud", UnitRule("entity", "card_id"), "wall", 0.1, POLICY, table)
    meters = Meters(series, "fraud", POLICY.rule.decisions, [feature.name for feature in plan.stored])
    stored = StoredReader(features, plan, 0.05, meters, clock, lambda: EVENT_NOW)
    shadow = Shadow(lanes[SHADOW], shadow_rate, stored, ShadowMeters(series, "fraud", "2"), lambda: 0.5, limit=4)
    answering = {CHAMPION: lanes[CHAMPION], CANARY: lanes[CANARY]}
    line = Line(deployment, Lanes(answering, (shadow,)), stored, meters, clock)
    entrance = Entrance(line, Intake(plan, deployment.unit, lambda: EVENT_NOW), clock, lists, waiting_limit)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkersCollector(directory / "metrics"))
    for card in range(50):
        features.put(
            plan,
            {"card_id": card, "store_id": 9},
            {"card_count": 1.0, "card_limit": 2.0, "store_count": 3.0},
            EVENT_NOW - 10,
        )
    return House(Admission({"fraud": entrance}, {}), features, clock, backends, plan, line, registry)


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
    for number in range(20):
        house.submit(str(number), features={"amount": float(number)})
    for number in range(20):
        result = await house.outcome(str(number))
        assert isinstance(result, Answer)
        assert result.outputs["score"] == number
    assert house.backends[CHAMPION].runs == [20]


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


async def test_a_failing_canary_costs_only_its_own_rows(build: Build) -> None:
    house = build(weight=5_000)
    house.backends[CANARY].failure = "out of memory"
    for card in range(50):
        house.submit(str(card), card=card)
    for card in range(50):
        result = await house.outcome(str(card))
        if house.line.deployment.table.arm_of(str(card)) == CANARY:
            assert isinstance(result, PredictionFailed)
            assert "out of memory" in str(result)
        else:
            assert isinstance(result, Answer)


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

    def slow(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        house.clock.advance(0.02)
        return rows[:, 0].astype(np.float64)

    house.backends[CHAMPION].script = slow
    for number in range(20):  # until it is known that a list takes 20 ms
        await house.answer(f"learning-{number}")
    for number in range(2 * LIST_ROWS):
        house.submit(f"hurried-{number}", deadline=house.clock() + 0.03)
    results = [await house.outcome(f"hurried-{number}") for number in range(2 * LIST_ROWS)]
    assert all(isinstance(result, Answer) for result in results[:LIST_ROWS])
    assert {str(result) for result in results[LIST_ROWS:]} == {"what was left of the deadline would not have sufficed"}
    assert len(house.backends[CHAMPION].runs) == 20 + 1, "the second list was not begun"


async def test_what_did_not_queue_is_tried_however_long_lists_took_before(build: Build) -> None:
    house = build()

    def slow(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        house.clock.advance(0.02)
        return rows[:, 0].astype(np.float64)

    house.backends[CHAMPION].script = slow
    for number in range(20):
        await house.answer(f"learning-{number}")
    house.backends[CHAMPION].script = first_column
    answer = await house.answer("hurried", deadline=house.clock() + 0.001)
    assert answer.decision == "approve"


async def test_an_answer_after_the_deadline_is_no_answer(build: Build) -> None:
    house = build()

    def slow(rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        house.clock.advance(0.2)  # longer than the deployment's 0.1 s
        return np.zeros(len(rows))

    house.backends[CHAMPION].script = slow
    assert isinstance(await house.error("a"), DeadlineExceeded)
    assert house.counted("sluice_calls_total", arm="champion", code="DEADLINE_EXCEEDED") == 1


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
    await house.line.lanes.shadows[0].close()
    assert house.backends[SHADOW].runs == [1]
    assert house.counted("sluice_shadow_rows_total", version="2", outcome="ok") == 1
    assert house.counted("sluice_shadow_flips_total", version="2") == 1


async def test_a_failing_shadow_is_nobodys_business(build: Build) -> None:
    house = build(shadow_rate=0.6)
    house.backends[SHADOW].failure = "no"
    await house.answer("a")
    await house.line.lanes.shadows[0].close()
    assert house.counted("sluice_shadow_rows_total", version="2", outcome="failed") == 1


async def test_shadow_rows_without_room_are_dropped_and_counted(build: Build) -> None:
    house = build(shadow_rate=0.6)  # room for 4
    for number in range(10):
        house.submit(str(number))
    await house.outcome("9")
    await house.line.lanes.shadows[0].close()
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


async def test_draining_answers_what_was_taken(build: Build) -> None:
    house = build(lists=1)
    for number in range(90):
        house.submit(str(number))
    house.admission.stop()
    assert not house.admission.ready()
    await house.admission.close()
    assert sum(isinstance(results[0], Answer) for results in house.results.values()) == 90
    assert house.backends[CHAMPION].closed
