"""A worker changes what it serves while calls come in: bundles on disk, features in memory, lists that can be held."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

import gateway.backends.seat
from gateway.backends.onnx import OnnxBackend
from gateway.backends.settings import HOSTS_POSSIBLE, SeatSettings
from gateway.call import Answer, Call, Priority
from gateway.config import ServeConfig
from gateway.deployment import DeploymentError
from gateway.deployments import Deployments
from gateway.entrances import Entrances
from gateway.errors import DeploymentNotFound, GatewayError
from gateway.features.block import FeatureBlock
from gateway.features.plan import Plan
from gateway.loop_lag import LoopLag
from gateway.recording import Recording
from gateway.served import Part, Served
from gateway.supervisor.declarations import Declared, read_declarations
from gateway.testing.bundles import write_bundle, write_manifest
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.plans import small_document
from models.manifest import BundleError
from monitoring import metrics
from monitoring.exposition import read_totals
from monitoring.records.writer import WriterLimits
from monitoring.series import SeriesFile

DECLARATION = """
deployment: fraud
unit: {{entity: card_id}}
clock: wall
budget_ms: 60000
policy:
  version: "1"
  contract: {{min: -1.0e+9, max: 1.0e+9}}
  decide: {{kind: thresholds, steps: [{{below: 0.5, decision: approve}}], otherwise: decline}}
arms: {arms}
"""


class HeldFeatures(FixedFeatures):
    """A store whose reads can be held back."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def read(
        self,
        plan: Plan,
        keys: list[tuple[bytes, ...]],  # type: ignore[override]
        event_now: float,
        timeout: float,  # noqa: ASYNC109  # as FeatureReader
    ) -> FeatureBlock:
        await self.go_on.wait()
        return await super().read(plan, keys, event_now, timeout)


class CountedBackend(OnnxBackend):
    """Says which bundles were opened and closed."""

    opened: ClassVar[list[str]] = []
    closed: ClassVar[list[str]] = []

    def __init__(self, path: Path, width: int) -> None:
        super().__init__(path, width)
        self.version = path.parent.name
        self.opened.append(self.version)

    async def close(self) -> None:
        self.closed.append(self.version)
        await super().close()


@dataclass
class House:
    root: Path
    door: Entrances
    deployments: Deployments
    features: HeldFeatures

    def served(self, number: int, **arms: object) -> Served:
        path = self.root / "models" / "fraud" / "deployment.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(DECLARATION.format(arms=json.dumps(arms)))
        found = read_declarations(self.root / "models", self.root / "bundles")["fraud"]
        assert isinstance(found, Declared), found
        return Served(found.text, found.deployment.table, found.digests).numbered(number)

    async def turn(self, served: Served) -> None:
        await self.deployments.load(served)
        self.deployments.turn("fraud")

    def ask(self, card: int = 1) -> "asyncio.Future[Answer | GatewayError]":
        future: asyncio.Future[Answer | GatewayError] = asyncio.get_running_loop().create_future()
        now = time.monotonic()
        values: dict[str, int | float | str | bool] = {"amount": 5.0, "customer_present": True, "card_limit": 1.0}
        entities: dict[str, int | float | str | bool] = {"card_id": card, "store_id": 9}
        self.door.submit(
            Call("fraud", entities, values, "", now, now + 60, "id", Priority.DEFAULT, "", future.set_result)
        )
        return future

    async def version(self, card: int = 1) -> str:
        answer = await self.ask(card)
        assert isinstance(answer, Answer), answer
        return answer.bundle_version

    async def close(self) -> None:
        self.features.go_on.set()
        await self.door.close()
        await self.deployments.close()

    def break_golden(self, version: str) -> None:
        directory = self.root / "bundles" / "fraud" / version
        golden = json.loads((directory / "golden.json").read_text())
        golden["scores"][1] += 1.0
        (directory / "golden.json").write_text(json.dumps(golden))
        write_manifest(directory, version, small_document()["features"])

    async def settle(self, closed: list[str]) -> None:
        async with asyncio.timeout(20):
            while sorted(CountedBackend.closed) != closed:  # noqa: ASYNC110  # tasks of its own close them
                await asyncio.sleep(0)


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(gateway.backends.seat, "OnnxBackend", CountedBackend)
    CountedBackend.opened.clear()
    CountedBackend.closed.clear()
    for version in ("1", "2", "3"):
        of = {"newest_event": 1_000.0, "of": version}
        write_bundle(tmp_path / "bundles" / "fraud", version, provenance=of)
    house = make_house(tmp_path, SeatSettings(lane_hosts=False))
    yield house
    await house.close()


def make_house(root: Path, seats: SeatSettings) -> House:
    config = ServeConfig(models=root / "models", bundles=root / "bundles", state=root / "state", seats=seats)
    features, lag, series = HeldFeatures(), LoopLag(), SeriesFile(root / "metrics", 0)
    door = Entrances({}, {}, lag)
    recording = Recording(root / "records", WriterLimits(), 0, series, 1.0)
    return House(root, door, Deployments(config, door, features, recording, series, lag), features)


def bundles_told(root: Path) -> set[tuple[str, str]]:
    told = read_totals(root / "metrics")[metrics.BUNDLE.name]
    return {(labels[1], labels[2]) for labels, (value,) in told.items() if value == 1.0}


async def test_a_deployment_appears_changes_and_disappears(house: House) -> None:
    assert isinstance(await house.ask(), DeploymentNotFound)
    await house.turn(house.served(1, champion="1"))
    assert await house.version() == "1"
    assert house.door.names() == ("fraud",)
    await house.turn(house.served(2, champion="2", canary={"version": "1", "weight": 0.5}))
    assert {await house.version(card) for card in range(40)} == {"1", "2"}
    assert [arm.share for arm in house.door.describe("fraud").arms] == [0.5, 0.5]
    (standing,) = house.deployments.standings()
    assert standing.number == 2
    assert [(arm.arm, arm.version, arm.share) for arm in standing.arms] == [
        ("champion", "2", 0.5),
        ("canary", "1", 0.5),
    ]
    assert bundles_told(house.root) == {("champion", "2"), ("canary", "1")}
    house.deployments.remove("fraud")
    assert isinstance(await house.ask(), DeploymentNotFound)
    await house.settle(["1", "2"])
    assert bundles_told(house.root) == set()


async def test_a_worker_says_that_a_canarys_weight_has_lapsed(house: House) -> None:
    def lapsed() -> list[bool]:
        (standing,) = house.deployments.standings()
        return [arm.lapsed for arm in standing.arms]

    declared = house.served(1, champion="1", canary={"version": "2", "weight": 1.0})
    await house.turn(declared)
    assert lapsed() == [False, False], "what a file declares needs nobody's word"
    await house.turn(replace(declared.numbered(2), part=Part("r", 1, 0, 10_000)))
    assert (lapsed(), await house.version()) == ([False, True], "1")
    house.deployments.hear({"fraud": 60.0})
    assert (lapsed(), await house.version()) == ([False, False], "2")
    house.deployments.hear({"fraud": 0.0})
    assert (lapsed(), await house.version()) == ([False, True], "1")


async def test_lists_on_their_way_finish_on_the_line_that_they_began_on(house: House) -> None:
    await house.turn(house.served(1, champion="1"))
    house.features.go_on.clear()
    before = [house.ask(card) for card in range(3)]
    await asyncio.sleep(0)  # their list starts: it is about to read
    await house.turn(house.served(2, champion="2"))
    after = [house.ask(card) for card in range(3)]
    house.features.go_on.set()
    answers = await asyncio.gather(*before, *after)
    assert [answer.bundle_version for answer in answers if isinstance(answer, Answer)] == ["1"] * 3 + ["2"] * 3


async def test_a_list_that_has_been_made_and_not_begun_stays_on_its_line_too(house: House) -> None:
    """Its rows were read for that line's plan."""
    await house.turn(house.served(1, champion="1"))
    await house.deployments.load(house.served(2, champion="2"))
    asked = house.ask()
    # Between the making of the list's task and its first step stand other things that the loop has to do.
    entrance = house.deployments._deployed["fraud"].entrance
    assert entrance is not None
    entrance._start()
    house.deployments.turn("fraud")
    answer = await asked
    assert isinstance(answer, Answer)
    assert answer.bundle_version == "1"


async def test_calls_that_wait_when_a_deployment_is_removed_are_answered(house: House) -> None:
    await house.turn(house.served(1, champion="1"))
    house.features.go_on.clear()
    asked = [house.ask(card) for card in range(200)]
    house.deployments.remove("fraud")
    house.features.go_on.set()
    assert all(isinstance(answer, Answer) for answer in await asyncio.gather(*asked))


async def test_a_bundle_is_loaded_once_and_a_weight_loads_nothing(house: House) -> None:
    await house.turn(house.served(1, champion="1", canary={"version": "2", "weight": 0.1}))
    await house.turn(
        house.served(2, champion="1", canary={"version": "2", "weight": 0.9}, shadows=[{"version": "2", "rate": 1.0}])
    )
    assert CountedBackend.opened == ["1", "2"]
    assert CountedBackend.closed == []


async def test_what_a_lane_has_learned_goes_over(house: House) -> None:
    await house.turn(house.served(1, champion="1", canary={"version": "2", "weight": 0.1}))
    line = house.deployments._deployed["fraud"].present.line
    lanes, admission = dict(line.lanes.answering), line.admission
    await house.turn(house.served(2, champion="1", canary={"version": "2", "weight": 0.9}))
    line = house.deployments._deployed["fraud"].present.line
    assert line.lanes.answering["champion"] is lanes["champion"]
    assert line.lanes.answering["canary"] is lanes["canary"]
    assert line.admission is admission
    await house.turn(house.served(3, champion="2"))
    line = house.deployments._deployed["fraud"].present.line
    assert line.lanes.answering["champion"] is not lanes["champion"]


async def test_the_champion_before_stays_loaded_and_what_came_before_it_goes(house: House) -> None:
    await house.turn(house.served(1, champion="1"))
    await house.turn(house.served(2, champion="2"))
    await house.turn(house.served(3, champion="1"))
    assert CountedBackend.opened == ["1", "2"], "the way back loads nothing"
    await house.turn(house.served(4, champion="3"))
    await house.settle(["2"])
    assert await house.version() == "3"


async def test_a_canary_that_has_gone_is_closed_after_its_last_list(house: House) -> None:
    await house.turn(house.served(1, champion="1", canary={"version": "2", "weight": 1.0}))
    house.features.go_on.clear()
    asked = house.ask()
    await asyncio.sleep(0)
    await house.turn(house.served(2, champion="1"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert CountedBackend.closed == []
    house.features.go_on.set()
    answer = await asked
    assert isinstance(answer, Answer)
    assert answer.bundle_version == "2"
    await house.settle(["2"])


async def test_what_cannot_be_loaded_changes_nothing(house: House) -> None:
    await house.turn(house.served(1, champion="1"))
    house.break_golden("3")
    with pytest.raises(BundleError, match="golden rows are off"):
        await house.deployments.load(house.served(2, champion="2", canary={"version": "3", "weight": 0.1}))
    with pytest.raises(LookupError):
        house.deployments.turn("fraud")
    assert await house.version() == "1"
    assert CountedBackend.closed == ["2"], "what was loaded for nothing"
    await house.turn(house.served(2, champion="2"))
    assert await house.version() == "2"


async def test_another_bundle_than_was_meant_is_not_served(house: House) -> None:
    served = house.served(1, champion="1")
    write_manifest(house.root / "bundles" / "fraud" / "1", "1", small_document()["features"], metrics={"auc": 0.5})
    with pytest.raises(BundleError, match=r"was changed since .* or change `arms` in the deployment\.yaml"):
        await house.deployments.load(served)


async def test_money_must_be_of_a_figure_that_there_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    money = "  money: {{of: amont, decisions: {{approve: {{share: 0.02}}}}}}\narms: {arms}"
    monkeypatch.setitem(globals(), "DECLARATION", DECLARATION.replace("arms: {arms}", money))
    with pytest.raises(DeploymentError, match=r"money: of is 'amont'; it is one of amount, .*, score"):
        await house.deployments.load(house.served(1, champion="1"))


async def test_a_bundle_that_is_loaded_must_still_lie_there(house: House) -> None:
    """A worker that starts anew has nothing but the disk."""
    await house.turn(house.served(1, champion="1"))
    served = house.served(2, champion="1", canary={"version": "2", "weight": 0.1})
    (house.root / "bundles" / "fraud" / "1" / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"model\.onnx"):
        await house.deployments.load(served)
    assert await house.version() == "1"


async def test_what_was_dropped_is_closed(house: House) -> None:
    await house.turn(house.served(1, champion="1"))
    await house.deployments.load(house.served(2, champion="2"))
    await house.deployments.drop("fraud")
    assert CountedBackend.closed == ["2"]
    with pytest.raises(LookupError):
        house.deployments.turn("fraud")


@pytest.mark.skipif(not HOSTS_POSSIBLE, reason="lane hosts need Linux")
async def test_a_lane_host_of_a_load_that_failed_is_in_nobodys_way(tmp_path: Path) -> None:
    for version in ("1", "2", "3", "4"):
        of = {"newest_event": 1_000.0, "of": version}
        write_bundle(tmp_path / "bundles" / "fraud", version, provenance=of)
    house = make_house(tmp_path, SeatSettings())
    house.break_golden("3")
    try:
        await house.turn(house.served(1, champion="1"))
        with pytest.raises(BundleError, match="golden rows are off"):
            await house.deployments.load(
                house.served(2, champion="1", canary={"version": "2", "weight": 1.0}, fallback="3")
            )
        async with asyncio.timeout(30):
            await house.turn(house.served(2, champion="1", canary={"version": "4", "weight": 1.0}))
        assert await house.version() == "4"
        loaded = house.deployments._deployed["fraud"].present.loaded
        (standing,) = house.deployments.standings()
        assert [arm.trouble for arm in standing.arms] == ["", ""]
        await loaded["canary", "4"].seat.backend.close()
        (standing,) = house.deployments.standings()
        assert [arm.trouble for arm in standing.arms] == ["", "it was closed"]
    finally:
        await house.close()


async def test_the_way_back_of_a_rollout_needs_no_disk(house: House) -> None:
    await house.turn(house.served(1, champion="1"))
    promoted = replace(house.served(2, champion="2"), part=Part("r", 4, 0, 0, over=True))
    await house.turn(promoted)
    back = replace(house.served(3, champion="1"), part=Part("r", 4, 0, 0))
    (house.root / "bundles" / "fraud" / "1" / "model.onnx").unlink()
    await house.turn(back)
    assert await house.version() == "1"
