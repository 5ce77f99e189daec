"""A whole line in memory, without a door in front: calls in as one list, what each was told out."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from gateway.admission import Admission
from gateway.answer_book import AnswerBook
from gateway.backends.precomputed import ScoresAhead
from gateway.beside import Beside
from gateway.call import Answer, Call, Priority, Scalar
from gateway.deployment import Deployment, UnitRule
from gateway.errors import GatewayError
from gateway.idempotency import IdempotencyRule
from gateway.intake import Intake
from gateway.lane import Lane
from gateway.lanes import Lanes
from gateway.line import Line
from gateway.matrix import MatrixBuilder
from gateway.meters import AheadMeters, BookMeters, Meters
from gateway.policy import Policy, Thresholds
from gateway.precomputed import PrecomputedRule
from gateway.record import DeploymentRecorder
from gateway.served import Part
from gateway.signs import Signs
from gateway.stored import StoredReader
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.kept_records import KeptRecords
from gateway.testing.manual_clock import ManualClock
from gateway.testing.plans import small_plan
from gateway.testing.scripted_backend import ScriptedBackend
from gateway.witness import Witness
from monitoring import metrics
from monitoring.exposition import WorkersCollector
from monitoring.records.writer import RecordCounts
from monitoring.series import SeriesFile
from routing.declared import Measure
from routing.table import CANARY, CHAMPION, Canary, Table

EVENT_NOW = 10_000.0
WALL = 1_000_000.0
POLICY = Policy("p1", 0.0, 100.0, Thresholds((10.0,), ("approve", "decline")))
DIGESTS = {CHAMPION: "c" * 64, CANARY: "e" * 64}
Said = Answer | GatewayError


class GatedBackend(ScriptedBackend):
    """Scores a row by its amount, times `factor`; a run waits for the gate to be open."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__(self._score)
        self.factor = factor
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()

    async def run(self, rows: NDArray[np.float32], seconds: float = inf) -> NDArray[np.float64]:
        self.entered.set()
        await self.gate.wait()
        return await super().run(rows, seconds)

    def _score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        return rows[:, 0].astype(np.float64) * self.factor


@dataclass
class SmallLine:
    """One worker's line of `fraud`; `ask` carries calls through it."""

    line: Line
    intake: Intake
    clock: ManualClock
    wall: ManualClock
    backends: dict[str, GatedBackend]
    kept: KeptRecords
    witness: Witness
    registry: CollectorRegistry
    told: dict[str, list[Said]] = field(default_factory=dict)

    def call(
        self,
        request_id: str = "r",
        amount: float = 5.0,
        card: Scalar = 1,
        own_id: bool = True,
        deadline: float = 1.0,
        features: Mapping[str, Scalar] | None = None,
    ) -> Call:
        """Return a call; what it is told is kept under its request id."""
        values = {"amount": amount, "customer_present": True, **(features or {})}
        entities: dict[str, Scalar] = {"card_id": card, "store_id": 9}
        now, said = self.clock(), self.told.setdefault(request_id, [])
        return Call(
            "fraud",
            entities,
            values,
            "",
            now,
            now + deadline,
            request_id,
            Priority.DEFAULT,
            "",
            said.append,
            own_id=own_id,
        )

    async def ask_all(self, calls: Iterable[Call]) -> None:
        """Carry calls as one list."""
        await self.line.serve([self.intake.read(call) for call in calls])
        await self.line.settled()

    async def ask(self, request_id: str = "r", **call: object) -> Said:
        """Ask once; return what that was told."""
        await self.ask_all([self.call(request_id, **call)])  # type: ignore[arg-type]
        return self.told[request_id][-1]

    async def answer(self, request_id: str = "r", **call: object) -> Answer:
        """Ask once; return the answer."""
        said = await self.ask(request_id, **call)
        assert isinstance(said, Answer), said
        return said

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, {"deployment": "fraud", **labels}) or 0.0


def small_line(
    directory: Path,
    store: FixedFeatures,
    rule: IdempotencyRule | None = None,
    weight: int = 0,
    slot: int = 0,
    clock: ManualClock | None = None,
    precomputed: PrecomputedRule | None = None,
    **changes: Any,
) -> SmallLine:
    """Return the line of one worker; several share a store and a directory. `changes` are those of the plan."""
    plan, series = small_plan(directory, **changes), SeriesFile(directory / "metrics", slot)
    clock, wall = clock or ManualClock(100.0), ManualClock(WALL)
    backends = {CHAMPION: GatedBackend(), CANARY: GatedBackend(2.0)}
    lanes = {
        arm: Lane(arm, version, DIGESTS[arm], plan, MatrixBuilder(plan, None), backends[arm], POLICY)
        for arm, version in ((CHAMPION, "1"), (CANARY, "2"))
    }
    table = Table("fraud", 1, "1", b"fraud", Canary("2", weight))
    deployment = Deployment("fraud", UnitRule("entity", "card_id"), "wall", 0.1, POLICY, table, idempotency=rule)
    meters = Meters(series, "fraud", POLICY.rule.decisions, [feature.name for feature in plan.stored])
    kept = KeptRecords()
    written, dropped, failed = (
        series.counter(metrics.RECORDS, "fraud", one) for one in ("written", "dropped", "failed")
    )
    recorder = DeploymentRecorder("fraud", 1, 1.0, kept, RecordCounts("fraud", written, dropped, failed))
    book = None
    if rule is not None:
        book = AnswerBook("fraud", rule, store, BookMeters(series, "fraud"), recorder, clock, wall)
    scores = None
    if precomputed is not None:
        ahead, digests = AheadMeters(series, "fraud"), list(DIGESTS.values())
        scores = ScoresAhead("fraud", precomputed, plan, digests, ahead, wall)
    witness = Witness(Signs([Measure("row_faults")]), Part("r", step=1, epoch=0, weight=max(weight, 1)))
    line = Line(
        deployment,
        Lanes(lanes),
        StoredReader(store, plan, meters, clock, lambda: EVENT_NOW),
        Admission(deployment.budget),
        meters,
        recorder,
        clock,
        witness,
        beside=Beside(book, scores),
    )
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkersCollector(directory / "metrics"))
    for card in range(50):
        values = {"card_count": 1.0, "card_limit": 2.0, "store_count": 3.0}
        store.put(plan, {"card_id": card, "store_id": 9}, values, EVENT_NOW - 10)
    intake = Intake(plan, deployment.unit, lambda: EVENT_NOW)
    return SmallLine(line, intake, clock, wall, backends, kept, witness, registry)
