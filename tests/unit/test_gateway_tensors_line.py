"""A pass-through deployment as a worker serves it: the same line, admission and arms as for scores, any tensors."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gateway.backends.settings import SeatSettings
from gateway.call import Answer, Call, Priority
from gateway.config import ServeConfig
from gateway.deployments import Deployments
from gateway.entrances import Entrances
from gateway.errors import GatewayError, InvalidRequest, PredictionFailed
from gateway.loop_lag import LoopLag
from gateway.recording import Recording
from gateway.served import Part, Served
from gateway.supervisor.declarations import Declared, read_declarations
from gateway.tensor import Tensor, from_array, to_array
from gateway.tensor_request import RequestedOutput, TensorRequest
from gateway.testing.bundles import write_bundle
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.tensor_bundles import write_tensor_bundle
from models.manifest import BundleError
from monitoring import metrics
from monitoring.exposition import read_totals
from monitoring.records.writer import WriterLimits
from monitoring.series import SeriesFile

DECLARATION = """
deployment: sums
unit: {{request: session}}
clock: wall
budget_ms: 10000
tensors: {{judged_by: OUTPUT1}}
rollout: {{guards: {{row_faults: {{}}, score_shift: {{more_than: 0.5, at_most: 0.1}}}}}}
arms: {arms}
"""
ZEROS, ONES = np.zeros((1, 16), dtype=np.int32), np.ones((1, 16), dtype=np.int32)


@dataclass
class House:
    root: Path
    declaration: str
    door: Entrances
    deployments: Deployments

    def served(self, part: Part | None = None, **arms: object) -> Served:
        path = self.root / "models" / "sums" / "deployment.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.declaration.format(arms=json.dumps(arms)))
        found = read_declarations(self.root / "models", self.root / "bundles")["sums"]
        assert isinstance(found, Declared), found
        return Served(found.text, found.deployment.table, found.digests, part=part)

    async def turn(self, served: Served) -> None:
        await self.deployments.load(served)
        self.deployments.turn("sums")

    async def ask(self, left: Tensor, right: Tensor, unit: str = "s", output: str = "") -> Answer | GatewayError:
        future: asyncio.Future[Answer | GatewayError] = asyncio.get_running_loop().create_future()
        request = TensorRequest([left, right], [RequestedOutput(output)] if output else [])
        now = time.monotonic()
        call = Call(
            *("sums", {}, {}, unit, now, now + 10, "id", Priority.DEFAULT, "", future.set_result), tensors=request
        )
        self.door.submit(call)
        return await future

    async def first_sum(self, left: int, unit: str = "s") -> int:
        answer = await self.ask(tensor("INPUT0", ZEROS + left), tensor("INPUT1", ONES), unit)
        assert isinstance(answer, Answer), answer
        assert answer.tensors is not None
        return int(to_array(answer.tensors.outputs[0])[0, 0])

    def totals(self) -> dict[str, float]:
        totals = read_totals(self.root / "state" / "metrics")
        found = {}
        for (name, *labels), value in totals.items():
            if name == metrics.CALLS.name:
                found[" ".join(labels)] = value
        return found


def tensor(name: str, array: "np.typing.NDArray[np.int32]") -> Tensor:
    return from_array(name, array)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    write_tensor_bundle(tmp_path / "bundles" / "sums", "sums", "1")
    write_tensor_bundle(tmp_path / "bundles" / "sums", "sums", "2", picky=True)
    write_tensor_bundle(tmp_path / "bundles" / "sums", "sums", "3", wrong=True)
    config = ServeConfig(
        models=tmp_path / "models",
        bundles=tmp_path / "bundles",
        state=tmp_path / "state",
        seats=SeatSettings(lane_hosts=False),
    )
    series = SeriesFile(config.state / "metrics", 0)
    recording = Recording(tmp_path / "records", WriterLimits(), 0, series, 1.0)
    lag = LoopLag(lambda seconds: None)
    door = Entrances({}, {}, lag)
    deployments = Deployments(config, door, FixedFeatures(), recording, series, lag)
    house = House(tmp_path, DECLARATION, door, deployments)
    yield house
    await door.close()
    await deployments.close()
    await recording.close()


async def test_tensors_go_through(house: House) -> None:
    await house.turn(house.served(champion="1"))
    assert [await house.first_sum(one) for one in (1, 41)] == [2, 42]
    answer = await house.ask(tensor("INPUT0", ONES), tensor("INPUT1", ONES), output="OUTPUT1")
    assert isinstance(answer, Answer)
    assert answer.tensors is not None
    assert [one.name for one in answer.tensors.outputs] == ["OUTPUT1"]
    assert (answer.arm, answer.bundle_version, answer.decision) == ("champion", "1", "answered")


async def test_a_canary_that_fails_is_rescued_and_charged(house: House) -> None:
    await house.turn(house.served(champion="1", canary={"version": "2", "weight": 1.0}))
    assert await house.first_sum(1) == 2
    answer = await house.ask(tensor("INPUT0", ZEROS + 13), tensor("INPUT1", ONES))
    assert isinstance(answer, Answer)
    assert (answer.arm, answer.assigned) == ("champion", "canary")


async def test_what_the_model_fails_at_is_a_failed_prediction(house: House) -> None:
    await house.turn(house.served(champion="2"))
    failed = await house.ask(tensor("INPUT0", ZEROS + 13), tensor("INPUT1", ONES))
    assert isinstance(failed, PredictionFailed)


@pytest.mark.parametrize(
    ("left", "unit", "complaint"),
    [
        (from_array("INPUT0", ONES), "", "needs a unit: send its session"),
        (from_array("INPUT2", ONES), "s", "the model takes INPUT0 .* got INPUT2, INPUT1"),
        (
            from_array("INPUT0", np.ones((1, 15), dtype=np.int32)),
            "s",
            r"INPUT0 is INT32 \[-1, 16\], got INT32 \[1, 15\]",
        ),
        (from_array("INPUT0", np.ones((1, 16), dtype=np.int64)), "s", r"got INT64 \[1, 16\]"),
        (Tensor("INPUT0", "INT32", (1, 16), b"short"), "s", "is 64 bytes, got 5"),
    ],
)
async def test_what_does_not_fit_is_refused(house: House, left: Tensor, unit: str, complaint: str) -> None:
    await house.turn(house.served(champion="1"))
    refused = await house.ask(left, tensor("INPUT1", ONES), unit)
    assert isinstance(refused, InvalidRequest)
    with pytest.raises(InvalidRequest, match=complaint):
        raise refused
    unknown = await house.ask(tensor("INPUT0", ONES), tensor("INPUT1", ONES), output="OUTPUT9")
    assert "no output 'OUTPUT9'" in str(unknown)


async def test_a_caller_whose_tensors_disagree_gives_the_champion_no_pause(house: House) -> None:
    await house.turn(house.served(champion="1"))
    two = np.ones((2, 16), dtype=np.int32)
    three = np.ones((3, 16), dtype=np.int32)
    for _ in range(10):
        refused = await house.ask(tensor("INPUT0", two), tensor("INPUT1", three))
        assert isinstance(refused, InvalidRequest | PredictionFailed)
    assert await house.first_sum(1) == 2


async def test_a_rollouts_judge_hears_of_rows_at_fault_and_of_pairs(house: House) -> None:
    part = Part("r1", 0, 0, 5_000)
    await house.turn(house.served(part, champion="1", canary={"version": "2", "weight": 0.5}))
    house.deployments.hear({"sums": 60.0})
    for unit in range(40):
        await house.first_sum(1, f"good{unit}")
        await house.first_sum(13, f"bad{unit}")
    async with asyncio.timeout(20):
        calls: list[object] = []
        while sum(one.signs > 0 for one in calls) < 10:  # type: ignore[attr-defined]
            await asyncio.sleep(0.01)
            witness = house.deployments._deployed["sums"].present.witness
            assert witness is not None
            calls += witness.flush(time.monotonic())[0]
    assert {one.canary for one in calls if one.signs > 0} == {True}


@pytest.mark.parametrize("judged", [True, False])
async def test_only_outputs_that_are_judged_are_compared(house: House, judged: bool) -> None:
    if not judged:
        house.declaration = (
            DECLARATION.replace("judged_by: OUTPUT1", "")
            .replace("score_shift", "flaky")
            .replace("more_than: 0.5, at_most: 0.1", "")
        )
    await house.turn(house.served(Part("r1", 0, 0, 5_000), champion="1", canary={"version": "3", "weight": 0.5}))
    house.deployments.hear({"sums": 60.0})
    witness = house.deployments._deployed["sums"].present.witness
    assert witness is not None
    pairs = 0
    async with asyncio.timeout(20):
        while not pairs:
            await house.first_sum(1)
            pairs = len(witness.pairs.take_pairs())
    compared = witness.pairs.take_comparison()
    assert bool(compared.rows) is judged
    if judged:
        assert (compared.most_different[0].entity, compared.mean_distance) == ("s", 2.0)


async def test_arms_that_take_other_tensors_or_none_are_not_served(house: House) -> None:
    scores = write_bundle(house.root / "bundles" / "sums", "9", deployment="sums")
    assert scores.exists()
    with pytest.raises(BundleError, match="another kind"):
        await house.turn(house.served(champion="1", canary={"version": "9", "weight": 0.1}))
