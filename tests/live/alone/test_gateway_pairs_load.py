"""A deployment with a rollout under way, under load: pairs are made of what it answers, and callers hardly notice."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from gateway.backends.settings import HOSTS_POSSIBLE, SeatSettings
from gateway.call import Answer, Call, Priority
from gateway.config import ServeConfig
from gateway.deployments import Deployments
from gateway.entrances import Entrances
from gateway.errors import GatewayError
from gateway.loop_lag import LoopLag
from gateway.recording import Recording
from gateway.served import Part, Served
from gateway.supervisor.declarations import Declared, read_declarations
from gateway.testing.bundles import write_bundle
from gateway.testing.fixed_features import FixedFeatures
from monitoring.records.writer import WriterLimits
from monitoring.series import SeriesFile
from routing.control.window_bytes import decode_window
from routing.window import Window

pytestmark = pytest.mark.skipif(not HOSTS_POSSIBLE, reason="lane hosts need Linux")

DECLARATION = """
deployment: fraud
unit: {{entity: card_id}}
clock: wall
budget_ms: 1000
policy:
  version: "1"
  contract: {{min: 0.0, max: 100.0}}
  decide: {{kind: thresholds, steps: [{{below: 0.5, decision: approve}}], otherwise: decline}}
  money: {{of: amount, decisions: {{approve: {{share: 0.02}}}}}}
rollout: {{guards: {{row_faults: {{}}, slower: {{}}, tail: {{}}, flaky: {{}}, flips: {{}}}}, pairs: {{rate: 0.5}}}}
arms: {arms}
"""
WITHOUT, SHADOWED = {"champion": "1"}, {"champion": "1", "shadows": [{"version": "2", "rate": 0.5}]}
UNDER_WAY = {"champion": "1", "canary": {"version": "2", "weight": 0.05}}
PROMOTED = {"champion": "1", "canary": {"version": "2", "weight": 0.9}}


@dataclass
class House:
    root: Path
    door: Entrances
    deployments: Deployments

    async def turn(self, number: int, arms: dict[str, object], part: Part | None) -> None:
        path = self.root / "models" / "fraud" / "deployment.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(DECLARATION.format(arms=json.dumps(arms)))
        found = read_declarations(self.root / "models", self.root / "bundles")["fraud"]
        assert isinstance(found, Declared), found
        served = Served(found.text, found.deployment.table, found.digests).numbered(number)
        await self.deployments.load(replace(served, part=part))
        self.deployments.turn("fraud")

    async def drive(self, calls: int, every: float) -> list[float]:
        """Return how long each of so many calls took, one after `every` so many seconds."""
        loop, took = asyncio.get_running_loop(), list[asyncio.Future[float]]()
        began = loop.time()
        for number in range(calls):
            took.append(self.ask(number))
            await asyncio.sleep(max(0.0, began + (number + 1) * every - loop.time()))
        return list(await asyncio.gather(*took))

    def ask(self, card: int) -> "asyncio.Future[float]":
        done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        now = time.monotonic()

        def reply(result: Answer | GatewayError) -> None:
            assert isinstance(result, Answer), result
            done.set_result(time.monotonic() - now)

        values: dict[str, int | float | str | bool] = {"amount": 0.25, "customer_present": True, "card_limit": 1.0}
        entities: dict[str, int | float | str | bool] = {"card_id": card, "store_id": 9}
        self.door.submit(Call("fraud", entities, values, "", now, now + 1, str(card), Priority.DEFAULT, "", reply))
        return done

    def hear(self) -> Window:
        (noted,) = self.deployments.hear({"fraud": 100.0})
        return decode_window(noted.window)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    for version in ("1", "2"):
        write_bundle(tmp_path / "bundles" / "fraud", version, provenance={"newest_event": 1_000.0, "of": version})
    seats = SeatSettings()
    config = ServeConfig(
        models=tmp_path / "models", bundles=tmp_path / "bundles", state=tmp_path / "state", seats=seats
    )
    lag, series = LoopLag(), SeriesFile(tmp_path / "metrics", 0)
    door = Entrances({}, {}, lag)
    recording = Recording(tmp_path / "records", WriterLimits(), 0, series, 1.0)
    deployments = Deployments(config, door, FixedFeatures(), recording, series, lag)
    yield House(tmp_path, door, deployments)
    await door.close()
    await deployments.close()


@pytest.mark.parametrize(
    ("arms", "weight", "copied"), [(SHADOWED, 0, True), (UNDER_WAY, 500, True), (PROMOTED, 9_000, False)]
)
async def test_pairs_are_made_of_what_is_answered_in_every_stage(
    house: House, arms: dict[str, object], weight: int, copied: bool
) -> None:
    """What was promoted runs in the worker, beside the champion: then there is no host, and no copy."""
    await house.turn(1, arms, Part("r", 1, 0, weight))
    house.hear()
    await house.drive(400, 0.002)
    heard = house.hear()
    loaded = house.deployments._deployed["fraud"].present.loaded
    candidate = next(one for (arm, _), one in loaded.items() if arm != "champion")
    assert (candidate.seat.copy is not None) is copied
    assert 5 < len(heard.pairs) < 300
    assert heard.comparison.rows == len(heard.pairs)
    assert (heard.comparison.flips, heard.comparison.money) == (0, 0.0)
    assert heard.health.champion_scores.rows > 0
    assert (heard.health.host_deaths, heard.health.canary_broken, heard.health.champion_broken) == (0, 0, 0)


async def test_callers_hardly_notice_pairs(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Turn about, so that whatever else the machine does meets both. The figure is printed; the bound is a wide one."""
    found: dict[bool, list[float]] = {False: [], True: []}
    pairs = 0
    for number in range(1, 7):
        paired = number % 2 == 0
        await house.turn(number, SHADOWED if paired else WITHOUT, Part("r", 1, 0, 0) if paired else None)
        await house.drive(200, 0.002)
        found[paired] += await house.drive(1_000, 0.002)
        pairs += len(house.hear().pairs) if paired else 0
    without, beside = (float(np.quantile(found[paired], 0.99)) * 1e3 for paired in (False, True))
    with capsys.disabled():
        print(f"\nchampion's p99 without pairs {without:.2f} ms, beside {pairs} pairs {beside:.2f} ms")
    assert pairs > 50
    assert beside < 3.0 * without + 5.0
