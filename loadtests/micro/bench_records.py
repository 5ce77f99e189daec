"""A list's decision records: what encoding them takes from the event loop, after the replies have left."""

import asyncio
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from gateway.attempt import Ran
from gateway.batch import Batch, Tried
from gateway.call import Answer, Call, Priority
from gateway.errors import GatewayError
from gateway.intake import Intake
from gateway.lane import Decided, Lane, Outcome
from gateway.meters import Meters
from gateway.record import DeploymentRecorder
from gateway.stored import StoredReader
from gateway.testing.scripted_backend import ScriptedBackend
from loadtests.micro.fraud import EVENT_NOW, AnsweredReader, bundle, deployment, quarter
from monitoring import metrics
from monitoring.records.writer import Entry, RecordCounts
from monitoring.series import SeriesFile
from routing.table import CHAMPION


class Weighed:
    """A sink that keeps nothing but the size of what came last."""

    def __init__(self) -> None:
        self.bytes = 0

    def put(self, entry: Entry) -> None:
        self.bytes = len(entry.block)


def _ignore(result: Answer | GatewayError) -> None:
    pass


def _tried(rows: int, series: SeriesFile, loop: asyncio.AbstractEventLoop) -> Tried:
    fraud, champion = deployment(), bundle()
    plan = champion.plan
    intake = Intake(plan, fraud.unit, lambda: EVENT_NOW)
    calls = [
        Call(
            "fraud",
            {"card_id": 1_000 + number, "store_id": 9_000 + number},
            {"amount": 24_900.0, "customer_present": True},
            "",
            0.0,
            60.0,
            f"7105c7e48806-{number:x}",
            Priority.DEFAULT,
            "",
            _ignore,
        )
        for number in range(rows)
    ]
    meters = Meters(series, "fraud", fraud.policy.rule.decisions, [feature.name for feature in plan.stored])
    checked = [intake.read(call) for call in calls]
    reader = StoredReader(AnsweredReader(), plan, meters, lambda: 0.0, lambda: EVENT_NOW)
    stored = loop.run_until_complete(reader.read(plan, checked, 1.0))
    lane = Lane(CHAMPION, "1", "d" * 64, plan, champion.builder, ScriptedBackend(quarter), fraud.policy)
    batch = Batch(checked, stored, lane.build(checked, stored.values), 0.001)
    outcomes: list[Outcome] = [Decided("approve", {"score": 0.25}) for _ in range(rows)]
    return Tried(CHAMPION, lane, batch, outcomes, 0.002, 0.003, Ran(rows, 0.001), list(range(rows)))


@pytest.mark.parametrize("list_rows", [1, 8, 64])
@pytest.mark.parametrize("share", [1.0, 0.1])
def bench_records(
    benchmark: BenchmarkFixture, list_rows: int, share: float, tmp_path: Path, loop: asyncio.AbstractEventLoop
) -> None:
    series, sink = SeriesFile(tmp_path, 0), Weighed()
    tried = _tried(list_rows, series, loop)
    counts = RecordCounts(
        "fraud", *(series.counter(metrics.RECORDS, "fraud", one) for one in ("written", "dropped", "failed"))
    )
    recorder = DeploymentRecorder("fraud", 1, share, sink, counts)
    benchmark(recorder.write, tried)
    benchmark.extra_info |= {"rows": list_rows, "bytes": sink.bytes}
    assert share < 1.0 or sink.bytes > 300 * list_rows
