"""Rows whose callers send the model's whole input: nothing is read, and only the champion's plan takes them."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from struct import pack

import pytest

from gateway.admission import Admission
from gateway.call import Answer, Call, Priority, Scalar
from gateway.deployment import Deployment, UnitRule
from gateway.entrance import Entrance
from gateway.errors import GatewayError, InvalidRequest
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
from gateway.served import Part
from gateway.shadow import Shadow
from gateway.signs import Signs
from gateway.stored import StoredReader
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.kept_records import KeptRecords
from gateway.testing.manual_clock import ManualClock
from gateway.testing.plans import small_document, small_plan
from gateway.testing.scripted_backend import ScriptedBackend
from gateway.witness import Witness
from monitoring import metrics
from monitoring.records.writer import RecordCounts
from monitoring.series import SeriesFile
from routing.declared import Measure
from routing.split import BUCKETS
from routing.table import CANARY, CHAMPION, FALLBACK, SHADOW, Canary, Table

POLICY = Policy("p1", 0.0, 100.0, Thresholds((10.0,), ("approve", "decline")))
WIDTH = 4
Result = Answer | GatewayError


class House:
    """A deployment in memory whose score is the first feature. Arms in `other` have a plan of their own."""

    def __init__(self, directory: Path, weight: int = 0, other: Sequence[str] = (), unit: str = "card_id") -> None:
        plan = small_plan(directory)
        features = list(reversed(small_document()["features"]))
        (directory / "other").mkdir()
        plans = dict.fromkeys((CHAMPION, CANARY, SHADOW, FALLBACK), plan)
        plans |= dict.fromkeys(other, small_plan(directory / "other", features=features))
        self.store, self.clock = FixedFeatures(), ManualClock(100.0)
        self.backends = {arm: ScriptedBackend() for arm in plans}
        lanes = {arm: self._lane(arm, plans[arm]) for arm in plans}
        rule = UnitRule("entity", unit) if unit == "card_id" else UnitRule("request", unit)
        table = Table("fraud", 1, "1", b"fraud", Canary("2", weight))
        deployment = Deployment("fraud", rule, "wall", 0.1, POLICY, table)
        series, self.kept = SeriesFile(directory / "metrics", 0), KeptRecords()
        meters = Meters(series, "fraud", POLICY.rule.decisions, [feature.name for feature in plan.stored])
        stored = StoredReader(self.store, plan, meters, self.clock, lambda: 10_000.0)
        counted = ShadowMeters(series, "fraud", "2")
        self.mirror = Mirror(Shadow(lanes[SHADOW], stored, counted, self.clock), 1.0, counted.dropped, lambda: 0.5)
        counts = RecordCounts("fraud", *(series.counter(metrics.RECORDS, "fraud", str(n)) for n in range(3)))
        self.witness = Witness(Signs([Measure("row_faults")]), Part("r", step=1, epoch=0, weight=max(weight, 1)))
        answering = {arm: lanes[arm] for arm in (CHAMPION, CANARY, FALLBACK)}
        self.line = Line(
            deployment,
            Lanes(answering, (self.mirror,)),
            stored,
            Admission(0.1),
            meters,
            DeploymentRecorder("fraud", 1, 1.0, self.kept, counts),
            self.clock,
            self.witness,
        )
        intake = Intake(plan, rule, lambda: 10_000.0)
        self.entrance = Entrance(self.line, intake, Admission(0.1), self.clock, 4, 100, LoopLag())
        self.store.put(
            plan,
            {"card_id": 1, "store_id": 9},
            {"card_count": 1.0, "card_limit": 2.0, "store_count": 3.0},
            9_990.0,
        )
        self.results: dict[str, Result] = {}

    def _lane(self, arm: str, plan: Plan) -> Lane:
        version = {CHAMPION: "1", CANARY: "2", SHADOW: "2", FALLBACK: "0"}[arm]
        return Lane(arm, version, "d" * 64, plan, MatrixBuilder(plan, None), self.backends[arm], POLICY)

    def take(self, request_id: str, vector: bytes | None, unit: str = "1", **features: Scalar) -> None:
        entities: dict[str, Scalar] = {} if vector is not None else {"card_id": 1, "store_id": 9}

        def reply(result: Result) -> None:
            assert request_id not in self.results
            self.results[request_id] = result

        self.entrance.take(
            Call(
                "fraud", entities, features, unit, 100.0, 200.0, request_id, Priority.DEFAULT, "", reply, vector=vector
            )
        )

    async def settle(self) -> dict[str, Result]:
        await self.entrance.drain()
        await asyncio.sleep(0)
        await self.line.close()
        return self.results

    async def ask(self, vector: bytes, unit: str = "1") -> Result:
        self.take("a", vector, unit)
        return (await self.settle())["a"]


def vector(score: float, width: int = WIDTH) -> bytes:
    return pack(f"<{width}f", score, *[0.0] * (width - 1))


async def test_nothing_is_read(tmp_path: Path) -> None:
    house = House(tmp_path)
    answer = await house.ask(vector(12.0))
    assert isinstance(answer, Answer)
    assert (answer.decision, answer.outputs, answer.arm) == ("decline", {"score": 12.0}, CHAMPION)
    assert (answer.degraded_reasons, dict(answer.statuses), answer.features_time) == ((), {}, 0.0)
    assert house.store.asked == []


async def test_lists_hold_rows_of_one_kind(tmp_path: Path) -> None:
    house = House(tmp_path)
    for number in range(4):
        house.take(f"given {number}", vector(number))
        house.take(f"read {number}", None, amount=float(number), customer_present=True)
    results = await house.settle()
    scores = {name: result.outputs["score"] for name, result in results.items() if isinstance(result, Answer)}
    assert scores == {f"{kind} {number}": number for kind in ("given", "read") for number in range(4)}
    assert house.backends[CHAMPION].runs == [4, 4]
    assert len(house.store.asked) == 2, "one card and one store, for those that are read"


async def test_a_canary_with_the_same_plan_gets_its_units(tmp_path: Path) -> None:
    house = House(tmp_path, weight=BUCKETS)
    answer = await house.ask(vector(1.0))
    assert isinstance(answer, Answer)
    assert answer.arm == CANARY
    calls, _, _ = house.witness.flush(0.0)
    assert [call.canary for call in calls] == [True]


async def test_a_canary_with_another_plan_gets_none_and_learns_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, weight=BUCKETS, other=(CANARY,))
    answer = await house.ask(vector(1.0))
    assert isinstance(answer, Answer)
    assert (answer.arm, answer.assigned) == (CHAMPION, "")
    assert house.backends[CANARY].runs == []
    assert house.witness.flush(0.0)[0] == (), "evidence of nothing"


@pytest.mark.parametrize(("other", "arm"), [((), FALLBACK), ((FALLBACK,), "")])
async def test_a_fallback_stands_in_if_it_has_the_same_plan(tmp_path: Path, other: tuple[str, ...], arm: str) -> None:
    house = House(tmp_path, other=other)
    house.backends[CHAMPION].failure = "no"
    result = await house.ask(vector(1.0))
    assert (result.arm if isinstance(result, Answer) else "") == arm


@pytest.mark.parametrize(("other", "seen"), [((), [1]), ((SHADOW,), []), ((CANARY,), [])])
async def test_a_shadow_watches_if_all_have_the_same_plan(
    tmp_path: Path, other: tuple[str, ...], seen: list[int]
) -> None:
    house = House(tmp_path, other=other)
    await house.ask(vector(1.0))
    assert house.backends[SHADOW].runs == seen
    assert house.store.asked == []


async def test_records_have_the_row_as_the_model_saw_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.ask(vector(3.0), unit="0017")
    (record,) = house.kept.records
    assert (record.unit, dict(record.entities), dict(record.request)) == ("17", {}, {})
    assert list(record.model_row.values()) == [3.0, 0.0, 0.0, 0.0]
    assert all(value != value for value in record.stored.values()), "nobody knows what is stored"


WRONG = {
    "another width": (vector(1.0, 3), "1", "takes 4 values of float32, got 3"),
    "half a value": (vector(1.0) + b"12", "1", "got 4.5"),
    "not a number": (vector(float("nan")), "1", "finite values only"),
    "no unit": (vector(1.0), "", "send its card_id as `unit`"),
    "a unit that is no number": (vector(1.0), "1_0", "a whole number"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_input_is_refused(tmp_path: Path, what: str) -> None:
    wrong, unit, said = WRONG[what]
    result = await House(tmp_path).ask(wrong, unit)
    assert isinstance(result, InvalidRequest)
    assert said in str(result)


async def test_a_whole_input_comes_alone(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.take("a", vector(1.0), amount=1.0)
    assert "send the one or the others" in str((await house.settle())["a"])


async def test_a_unit_of_the_request_is_taken_as_it_is(tmp_path: Path) -> None:
    house = House(tmp_path, unit="session_id")
    assert isinstance(await house.ask(vector(1.0), unit="s-1"), Answer)
    assert house.kept.records[0].unit == "s-1"
