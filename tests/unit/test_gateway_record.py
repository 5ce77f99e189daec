"""Recorders: which rows are chosen, and that nobody's odd values cost anybody else his record."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.backends.backend import Backend
from gateway.batch import Batch, Tried
from gateway.call import Answer, Call, Priority
from gateway.deployment import Deployment, UnitRule
from gateway.errors import DeadlineExceeded, GatewayError
from gateway.features.plan import Plan
from gateway.intake import Intake, Row
from gateway.lane import Decided, Lane, Outcome
from gateway.matrix import MatrixBuilder
from gateway.meters import Meters
from gateway.policy import Policy, Thresholds
from gateway.record import DeploymentRecorder, NullRecorder
from gateway.recording import Recording
from gateway.stored import StoredReader
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.kept_records import KeptRecords
from gateway.testing.plans import small_plan
from gateway.testing.scripted_backend import ScriptedBackend
from monitoring.records.reader import Tally, read_all
from monitoring.records.record import Record
from monitoring.records.writer import WriterLimits
from monitoring.series import SeriesFile
from routing.table import CHAMPION, Table
from tests.unit.sample_records import NOON, counts_in

EVENT_NOW = 10_000.0
POLICY = Policy("p1", 0.0, 100.0, Thresholds((10.0,), ("approve", "decline")))


def ignore(result: Answer | GatewayError) -> None:
    pass


@dataclass
class House:
    """A list of rows as the line would have it, read from fixed features."""

    directory: Path
    plan: Plan = field(init=False)
    features: FixedFeatures = field(default_factory=FixedFeatures)
    kept: KeptRecords = field(default_factory=KeptRecords)
    backend: Backend = field(default_factory=ScriptedBackend)

    def __post_init__(self) -> None:
        self.plan = small_plan(self.directory)
        self.lane = Lane(CHAMPION, "1", "d" * 64, self.plan, MatrixBuilder(self.plan, None), self.backend, POLICY)

    def store(self, card: int, age: float = 10.0) -> None:
        values = {"card_count": float(card), "card_limit": 2.0, "store_count": 3.0}
        self.features.put(self.plan, {"card_id": card, "store_id": 9}, values, EVENT_NOW - age)

    def row(self, request_id: str, card: int = 1, **changes: Any) -> Row:
        call = Call(
            "fraud",
            {"card_id": card, "store_id": 9},
            {"amount": 5.0, "customer_present": True},
            "",
            100.0,
            101.0,
            request_id,
            Priority.DEFAULT,
            "",
            ignore,
        )
        for name, value in changes.items():
            setattr(call, name, value)
        return Intake(self.plan, UnitRule("entity", "card_id"), lambda: EVENT_NOW).read(call)

    def tried(self, *rows: Row) -> Tried:
        series = SeriesFile(self.directory / "metrics", 0)
        meters = Meters(series, "fraud", POLICY.rule.decisions, [one.name for one in self.plan.stored])
        reader = StoredReader(self.features, self.plan, meters, lambda: 100.0, lambda: EVENT_NOW)
        stored = asyncio.run(reader.read(self.plan, rows, 1.0))
        batch = Batch(rows, stored, self.lane.build(rows, stored.values), 100.001)
        outcomes: list[Outcome] = [Decided("approve", {"score": float(at)}) for at in range(len(rows))]
        return Tried(CHAMPION, self.lane, batch, outcomes, 100.002, 100.003, 0.001, list(range(len(rows))))

    def recorder(self, share: float = 1.0) -> DeploymentRecorder:
        counts = counts_in(self.directory / "metrics")
        return DeploymentRecorder("fraud", 4, share, self.kept, counts, lambda: NOON)

    def write(self, tried: Tried, share: float = 1.0) -> list[Record]:
        self.recorder(share).write(tried)
        return self.kept.records


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_record_says_what_was_asked_known_and_decided(house: House) -> None:
    house.store(1)
    house.store(2, age=5000.0)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    changed = {"features": {"amount": 7.5, "customer_present": False, "card_limit": 4}, "priority": Priority.CRITICAL}
    first, second = house.write(house.tried(house.row("a"), house.row("b", card=2, traceparent=trace, **changed)))
    assert (first.deployment, first.table, first.arm, first.bundle_version) == ("fraud", 4, "champion", "1")
    assert (first.bundle_digest, first.policy_version, first.time_ns) == ("d" * 64, "p1", NOON)
    assert (first.unit, first.entities) == ("1", {"card_id": 1, "store_id": 9})
    assert first.request == {"amount": 5.0, "customer_present": True}
    assert first.event_now == EVENT_NOW
    assert first.event_times == {"card_history": EVENT_NOW - 10.0, "store_history": EVENT_NOW - 5000.0}
    assert (first.not_fresh, first.degraded, first.priority, first.trace_id) == ({}, (), "default", "")
    assert (first.queue_us, first.infer_us, first.total_us) == (1000, 1000, 3000)
    assert second.request == {"amount": 7.5, "customer_present": False, "card_limit": 4}
    assert second.stored == {"card_count": 0.0, "card_limit": 4.0, "store_count": 3.0}
    assert second.not_fresh == {"card_count": "stale"}
    assert (second.degraded, second.priority) == (("features_stale",), "critical")
    assert second.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_the_models_row_is_kept_to_the_bit(house: House) -> None:
    house.store(1)
    tried = house.tried(house.row("a", features={"amount": 0.1, "customer_present": True}))
    (record,) = house.write(tried)
    kept: NDArray[np.float32] = np.array(list(record.model_row.values()), np.float32)
    assert kept.tobytes() == tried.batch.matrix[0].tobytes()
    assert tuple(record.model_row) == house.plan.features


def test_rows_that_failed_are_recorded_in_their_places_and_others_not(house: House) -> None:
    for card in range(4):
        house.store(card)
    tried = house.tried(*(house.row(str(card), card=card) for card in range(4)))
    tried.answered = [0, 3]
    tried.failed[1] = DeadlineExceeded("too late")
    records = house.write(tried)
    assert [record.request_id for record in records] == ["0", "1", "3"]
    assert [record.code for record in records] == ["OK", "DEADLINE_EXCEEDED", "OK"]
    assert [record.outputs for record in records] == [{"score": 0.0}, {}, {"score": 3.0}]
    assert [record.stored["card_count"] for record in records] == [0.0, 1.0, 3.0]
    assert records[1].message == "too late"


def test_rows_of_a_part_keep_their_own_features_and_event_times(house: House) -> None:
    for card in range(4):
        house.store(card, age=10.0 + card)
    tried = house.tried(*(house.row(str(card), card=card) for card in range(4)))
    tried.batch = tried.batch.take([1, 3])
    tried.outcomes, tried.answered = tried.outcomes[:2], [0, 1]
    records = house.write(tried)
    assert [record.stored["card_count"] for record in records] == [1.0, 3.0]
    assert [record.event_times["card_history"] for record in records] == [EVENT_NOW - 11.0, EVENT_NOW - 13.0]
    tried.answered = [1]
    assert house.write(tried)[-1].event_times["card_history"] == EVENT_NOW - 13.0


def test_what_msgpack_cannot_hold_costs_nobody_a_record(house: House) -> None:
    house.store(1)
    huge = {"amount": 10**8, "customer_present": True, "card_limit": 10**30}
    records = house.write(house.tried(house.row("a"), house.row("b", features=huge)))
    assert [record.request for record in records] == [
        {"amount": 5.0, "customer_present": True},
        {"amount": 10**8, "customer_present": True, "card_limit": 1e30},
    ]


def test_a_share_of_the_calls_is_chosen_by_their_id_alone(house: House) -> None:
    house.store(1)
    rows = [house.row(f"7105c7e48806-{number:x}") for number in range(4000)]
    chosen = {record.request_id for record in house.write(house.tried(*rows), share=0.1)}
    assert 300 < len(chosen) < 500
    house.kept.records.clear()
    again = [house.write(house.tried(row), share=0.1) for row in rows[:200]][-1]
    assert {record.request_id for record in again} == chosen & {row.call.request_id for row in rows[:200]}


def test_nothing_chosen_is_nothing_written(house: House) -> None:
    house.store(1)
    assert house.write(house.tried(house.row("a")), share=1e-9) == []
    tried = house.tried(house.row("a"))
    tried.answered = []
    assert house.write(tried) == []
    NullRecorder().write(tried)


def deployment(share: float) -> Deployment:
    table = Table("fraud", 7, "1", b"fraud")
    return Deployment("fraud", UnitRule("entity", "card_id"), "wall", 0.1, POLICY, table, record_share=share)


async def test_a_worker_writes_what_it_has_recorded_before_it_ends(house: House, tmp_path: Path) -> None:
    house.store(1)
    tried = await asyncio.to_thread(house.tried, house.row("a"))
    series = SeriesFile(tmp_path / "metrics", 0)
    recording = Recording(tmp_path / "records", WriterLimits(pause=60.0), 5, series, patience=30.0)
    recording.recorder(deployment(1.0)).write(tried)
    recording.recorder(deployment(1.0)).write(tried)  # of the next table, say
    await recording.close()
    found = list(read_all(tmp_path / "records", Tally()))
    assert [(rows.record(0).request_id, rows.shape.table, rows.record(0).slot) for rows in found] == [("a", 7, 5)] * 2


async def test_without_records_there_is_neither_thread_nor_file(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "records", WriterLimits(), 0, SeriesFile(tmp_path / "metrics", 0), patience=30.0)
    assert isinstance(recording.recorder(deployment(0.0)), NullRecorder)
    await recording.close()
    assert not (tmp_path / "records").exists()
