"""`sluice score-all` on a real Redis: who is scored, how fast, and where it goes on; and what a gateway makes of it."""

import json
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import redis.asyncio

from gateway.backends.onnx import OnnxBackend
from gateway.bundle import load_bundle
from gateway.clock import replay_offsets, write_offsets
from gateway.features.address import parse_address
from gateway.features.plan import Plan, load_plan
from gateway.features.redis_reader import RedisFeatureReader
from gateway.policy import Policy, Thresholds
from gateway.precomputed import PrecomputedRule, key_start, read_score
from gateway.precomputed_plan import fit
from gateway.score_all import run as score_run
from gateway.score_all.entities import StoredEntities
from gateway.score_all.progress import Progress, ProgressFile
from gateway.score_all.run import ScoreRun, ScoreStore
from gateway.score_all.scorer import EntityScorer, Scored, StoreLate
from gateway.testing.bundles import write_bundle, write_manifest
from gateway.testing.feast_bytes import StoredValue
from gateway.testing.feast_hash import FeastHash
from gateway.testing.manual_clock import ManualClock
from gateway.testing.plans import small_document
from gateway.testing.redis_server import RedisServer
from models.manifest import load_manifest
from tests.live.prepared import SkewRows
from tests.live.running_gateway import NO_SPARE, ROOT, SLUICE, Running, start, stop

NOW = 1_554_076_800.0
POLICY = Policy("p1", 0.0, 1000.0, Thresholds((10.0,), ("approve", "decline")))
RULE = PrecomputedRule(600.0, {"amount": 5.0, "customer_present": True})
TOGETHER = [{"name": "card_id", "type": "int64"}, {"name": "store_id", "type": "int64"}]
START = key_start("fraud", "d", RULE)


def write_pair_bundle(directory: Path) -> Path:
    """Write a bundle whose score is `pair_count`: one view is about card and store together, another about the card."""
    bundle, document = write_bundle(directory), small_document()
    count = {"name": "pair_count", "field": "01020307", "type": "double", "default": None}
    pair = {"join_keys": TOGETHER, "views": [{"name": "pair", "ttl_seconds": 3600, "features": [count]}]}
    features = ["pair_count", "card_count", "amount", "customer_present"]
    plan = {**document, "project": "score-all", "groups": [document["groups"][0], pair], "features": features}
    (bundle / "plan.json").write_text(json.dumps(plan))
    write_manifest(bundle, bundle.name, features)
    return bundle


class CountingScorer:
    """Passes on, and can be told that the store is late for so many pages, or be broken off at one."""

    def __init__(self, scorer: EntityScorer) -> None:
        self._scorer = scorer
        self.pages: list[int] = []
        self.late = 0
        self.breaks_at = -1

    async def score(self, entities: Sequence[Any]) -> Scored:
        if len(self.pages) == self.breaks_at:
            raise KeyboardInterrupt
        if self.late:
            self.late -= 1
            raise StoreLate
        self.pages.append(len(entities))
        return await self._scorer.score(entities)


@dataclass
class House:
    """Cards and stores in a Redis of their own, and a run over them."""

    plan: Plan
    client: redis.Redis
    scorer: CountingScorer
    entities: StoredEntities
    store: ScoreStore
    kept: ProgressFile
    wall: ManualClock
    clock: ManualClock
    slept: list[float] = field(default_factory=list)

    def put(self, card: int, values: dict[str, StoredValue] | None = None, age: float = 60.0) -> None:
        known: dict[str, StoredValue] = {"card_count": 1.0, "card_limit": 1.0, "pair_count": float(card)}
        FeastHash(self.client).put(self.plan, {"card_id": card, "store_id": -card}, values or known, NOW - age)

    def scores(self) -> dict[int, float]:
        """Return what is stored, by card."""
        found = {}
        for key in self.client.keys(b"sluice:score:*"):
            score = read_score(self.client.get(key))
            assert score is not None
            assert score.at == self.wall()
            assert 590_000 < self.client.pttl(key) <= 600_000
            (card,) = [card for card in range(1000) if key == START + self.key(card)]
            found[card] = score.score
        return found

    def key(self, card: int) -> bytes:
        return self.plan.row_keys({"card_id": card, "store_id": -card})[1]

    async def run(self, rate: float = 1e6, size: int = 50, told: list[Progress] | None = None) -> Progress:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.clock.advance(seconds)

        tell = [].append if told is None else told.append
        run = ScoreRun(
            self.entities,
            self.scorer,  # type: ignore[arg-type]
            self.store,
            self.kept,
            rate,
            size,
            tell,
            sleep,
            self.clock,
            self.wall,
        )
        return await run.run(RULE.max_age)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    server = RedisServer()
    bundle = load_bundle(write_pair_bundle(tmp_path), "fraud")
    plan = load_plan(bundle.model.parent / "plan.json")
    reader = RedisFeatureReader(parse_address(server.url))
    client = redis.asyncio.Redis.from_url(server.url)
    async with AsyncExitStack() as stack:
        stack.callback(server.close)
        stack.push_async_callback(client.aclose)
        stack.push_async_callback(reader.close)
        await reader.start()
        group = fit(RULE, plan).group
        backend = OnnxBackend(bundle.model, len(plan.features))
        scorer = CountingScorer(EntityScorer(bundle, backend, reader, RULE, POLICY, lambda: NOW, group))
        kept, wall = ProgressFile(tmp_path / "progress" / "one.json"), ManualClock(5e8)
        entities, store = StoredEntities(client, plan, group), ScoreStore(client, START, RULE.max_age)
        with redis.Redis(port=server.port) as plain:
            yield House(plan, plain, scorer, entities, store, kept, wall, ManualClock())


async def test_everybody_is_scored_who_could_be_answered(house: House) -> None:
    for card in range(300):
        house.put(card)
    house.put(300, {"pair_count": None})
    house.put(301, age=4000.0)
    house.put(302, {"pair_count": 1e9})
    house.put(303, {"pair_count": "broken"})
    done = await house.run()
    assert house.scores() == {card: float(card) for card in range(300)}
    assert (done.scored, done.left_out) == (300, 4)
    assert max(house.scorer.pages) <= 200, "a page is a small part of the whole"


async def test_an_empty_store_is_soon_done(house: House) -> None:
    house.client.set("something", "else")
    done = await house.run()
    assert (done.scored, done.left_out) == (0, 0)


async def test_no_faster_than_it_may(house: House) -> None:
    for card in range(300):
        house.put(card)
    told: list[Progress] = []
    await house.run(rate=100.0, told=told)
    pages = house.scorer.pages[:-1]
    assert sum(house.slept) == pytest.approx(sum(pages) / 100.0)
    assert told
    assert [one.scored for one in told] == sorted(one.scored for one in told)


async def test_what_was_broken_off_goes_on_where_it_was(house: House) -> None:
    for card in range(300):
        house.put(card)
    house.scorer.breaks_at = 3
    with pytest.raises(KeyboardInterrupt):
        await house.run()
    before = len(house.scores())
    assert 0 < before < 300
    house.scorer.breaks_at = -1
    done = await house.run()
    assert done.scored >= 300
    assert len(house.scores()) == 300
    assert sum(house.scorer.pages) < 300 + 50, "nobody was scored again"


async def test_a_run_that_was_broken_off_too_long_ago_begins_anew(house: House) -> None:
    for card in range(300):
        house.put(card)
    house.scorer.breaks_at = 3
    with pytest.raises(KeyboardInterrupt):
        await house.run()
    first = sum(house.scorer.pages)
    house.scorer.breaks_at = -1
    house.wall.advance(601.0)
    await house.run()
    assert sum(house.scorer.pages) - first >= 300


async def test_another_server_knows_nothing_of_a_cursor(house: House) -> None:
    house.kept.write(Progress("another server", house.wall(), cursor=12345, scored=7))
    for card in range(20):
        house.put(card)
    assert (await house.run()).scored == 20


async def test_a_store_that_is_late_is_asked_again_but_not_for_ever(house: House) -> None:
    house.put(1)
    house.scorer.late = 3
    await house.run()
    assert house.slept[:3] == [0.5, 1.0, 2.0]
    assert house.scores() == {1: 1.0}
    house.scorer.late = score_run.ATTEMPTS
    with pytest.raises(StoreLate):
        await house.run()


def sluice(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SLUICE, "score-all", *words], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Declare credit with scores that are computed ahead, and quotes, whose model needs more than entities."""
    for name in ("credit", "quotes"):
        said = (ROOT / "models" / name / "deployment.yaml").read_text()
        more = "\nbackend: precomputed\nprecomputed: {max_age_s: 3600}\n" if name == "credit" else ""
        path = tmp_path / "models" / name / "deployment.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(said + more)
    return tmp_path / "models"


def test_a_gateway_answers_with_what_was_computed_ahead_to_the_bit(
    filled_redis: RedisServer, skew_rows: SkewRows, models: Path, tmp_path: Path
) -> None:
    """With `time`, which credit's model does not look at, a call is scored in process: both say the very same."""
    rows = skew_rows("credit")[:40]
    state = tmp_path / "state"
    running = start(filled_redis, state, "h2corn", "--workers", "1", *NO_SPARE, "--models", str(models))
    try:
        assert ask(running, rows[0]["entities"], {})["precomputed_age_s"] is None
        flags = ("--redis-url", filled_redis.url, "--models", str(models), "--state", str(state))
        keep_clock(state)
        done = sluice("credit", *flags, "--rate", "1000000")
        assert done.returncode == 0, done.stderr
        assert "credit 1: done" in done.stdout
        for row in rows:
            ahead, live = ask(running, row["entities"], {}), ask(running, row["entities"], row["features"])
            assert 0.0 <= ahead["precomputed_age_s"] < 3600.0
            assert live["precomputed_age_s"] is None
            assert (ahead["outputs"], ahead["decision"]) == (live["outputs"], live["decision"])
        assert running.metric("sluice_precomputed_rows_total", outcome="hit") == 40
    finally:
        with redis.Redis(port=filled_redis.port) as client:
            keys = client.keys("sluice:score:credit:*")
            client.delete(*keys)
        assert stop(running) == 0
    assert len(keys) > 1_000
    print(f"{len(keys)} clients: {done.stdout.splitlines()[-2]}")


def ask(running: Running, entities: dict[str, Any], features: dict[str, Any]) -> dict[str, Any]:
    body = {"entities": entities, "features": features}
    answer = httpx.post(f"{running.http}/v1/deployments/credit:predict", json=body, timeout=30)
    answer.raise_for_status()
    prediction: dict[str, Any] = answer.json()["prediction"]
    return prediction


def keep_clock(state: Path) -> None:
    """Keep the clock that a gateway with --replay-now has set: score-all reads it from the file that `up` writes."""
    newest = load_manifest(ROOT / "models" / "bundles" / "credit" / "1").newest_event
    write_offsets(state / "clock.json", replay_offsets({"credit": newest}))


def test_what_cannot_be_scored_ahead_is_said_in_one_line(
    filled_redis: RedisServer, models: Path, tmp_path: Path
) -> None:
    flags = ("--redis-url", filled_redis.url, "--models", str(models), "--state", str(tmp_path))
    refused = sluice("quotes", *flags)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "nobody would read the scores" in refused.stderr
    path = models / "quotes" / "deployment.yaml"
    path.write_text(path.read_text() + "\nbackend: precomputed\nprecomputed: {max_age_s: 60}\n")
    refused = sluice("quotes", *flags)
    assert refused.returncode == 1
    assert "the model needs passenger_count, which only a call knows" in refused.stderr
    assert "Traceback" not in refused.stderr
    nowhere = sluice("credit", *flags[2:], "--redis-url", "redis://127.0.0.1:1")
    assert nowhere.returncode == 1
    assert "the feature Redis at redis://127.0.0.1:1 failed" in nowhere.stderr
