"""The fraud deployment without its processes: its own plan, transform and policy over a scripted model and store."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.admission import Admission
from gateway.bundle import Bundle, load_bundle
from gateway.call import Answer, Call, Priority
from gateway.deployment import Deployment, read_deployment
from gateway.entrance import Entrance
from gateway.entrances import Entrances
from gateway.errors import GatewayError
from gateway.features.block import FeatureBlock
from gateway.features.list_read import ListRead
from gateway.features.plan import Plan
from gateway.features.tolerance import Tolerance
from gateway.intake import Intake
from gateway.lane import Lane
from gateway.lanes import Lanes
from gateway.line import Line
from gateway.loop_lag import LoopLag
from gateway.meters import Meters
from gateway.record import NullRecorder
from gateway.stored import StoredReader
from gateway.testing.feast_bytes import encode_stamp, encode_value
from gateway.testing.scripted_backend import ScriptedBackend
from monitoring.series import SeriesFile
from routing.table import CANARY, CHAMPION

EVENT_NOW = 1_566_000_000.0


def deployment() -> Deployment:
    """Read it as a worker does."""
    return read_deployment(Path("models/fraud/deployment.yaml"))


def bundle() -> Bundle:
    """Read the champion; raises BundleError before `make up` has trained it."""
    return load_bundle(Path("models/bundles/fraud") / deployment().table.champion, "fraud")


def keys(plan: Plan, rows: int) -> list[tuple[bytes, ...]]:
    """Return the Redis keys of distinct rows."""
    return [plan.row_keys({"card_id": 1_000 + row, "store_id": 9_000 + row}) for row in range(rows)]


def replies(plan: Plan, rows: int) -> list[list[bytes | None]]:
    """Return what Redis answers to a list of distinct rows, in the order of the commands: all there, all fresh."""
    found: list[list[bytes | None]] = []
    for group in plan.groups:
        features = [feature for view in group.views for feature in view.features]
        ordered = [features[at] for at in group.layout.order]
        stamps = [encode_stamp(EVENT_NOW - 60.0) for _ in group.views]
        found += [[*(encode_value(one.type, row + 1.0) for one in ordered), *stamps] for row in range(rows)]
    return found


def quarter(matrix: NDArray[np.float32]) -> NDArray[np.float64]:
    """Stand in for the model: a score inside the contract, at no cost worth naming."""
    return np.full(len(matrix), 0.25)


class AnsweredReader:
    """A FeatureReader whose Redis has answered already: commands and decoding as in the real one, no socket."""

    def __init__(self) -> None:
        self._answered: dict[int, list[list[bytes | None]]] = {}

    async def read(
        self,
        plan: Plan,
        keys: Sequence[tuple[bytes, ...]],
        event_now: float,
        timeout: float,  # noqa: ASYNC109  # the seam's own
        tolerance: Tolerance | None = None,
        beside: Sequence[bytes] = (),
    ) -> FeatureBlock:
        """Return the rows that `replies` stores."""
        rows = len(keys)
        if rows not in self._answered:
            self._answered[rows] = replies(plan, rows)
        return ListRead(plan, keys).conclude(list(self._answered[rows]), event_now)


class FraudLine:
    """A line with everything but a socket to Redis, the model and the fronts: calls in, answers out."""

    def __init__(self, directory: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._door = loop.run_until_complete(self._build(directory))

    def carry(self, calls: int) -> list[Answer]:
        """Submit calls that arrive together and return their answers; raises whatever was no answer."""
        return self._loop.run_until_complete(self._carry(calls))

    async def _carry(self, calls: int) -> list[Answer]:
        answers: list[Answer] = []
        done = self._loop.create_future()

        def reply(result: Answer | GatewayError) -> None:
            if isinstance(result, GatewayError):
                done.set_exception(result)
                return
            answers.append(result)
            if len(answers) == calls:
                done.set_result(None)

        now = time.monotonic()
        for number in range(calls):
            entities = {"card_id": 1_000 + number, "store_id": 9_000 + number}
            values = {"amount": 24_900.0, "customer_present": True}
            call = Call("fraud", entities, values, "", now, now + 60.0, "r", Priority.DEFAULT, "", reply)
            self._door.submit(call)
        await done
        return answers

    async def _build(self, directory: Path) -> Entrances:
        fraud, champion = deployment(), bundle()
        admission, lag = Admission(fraud.budget), LoopLag()
        plan = champion.plan
        meters = Meters(
            SeriesFile(directory, 0), "fraud", fraud.policy.rule.decisions, [feature.name for feature in plan.stored]
        )
        stored = StoredReader(AnsweredReader(), plan, meters, time.monotonic, lambda: EVENT_NOW)
        lanes = {
            arm: Lane(arm, "1", "d" * 64, plan, champion.builder, ScriptedBackend(quarter), fraud.policy)
            for arm in (CHAMPION, CANARY)
        }
        line = Line(fraud, Lanes(lanes), stored, admission, meters, NullRecorder(), time.monotonic)
        intake = Intake(plan, fraud.unit, lambda: EVENT_NOW)
        return Entrances({"fraud": Entrance(line, intake, admission, time.monotonic, 2, 2048, lag)}, {}, lag)
