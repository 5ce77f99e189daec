"""Puts a run of `sluice score-all` together: the bundle, proved, the feature store, and where the run stands."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from gateway.backends.onnx import OnnxBackend
from gateway.bundle import Bundle, load_bundle, prove
from gateway.clock import event_clock, read_offsets
from gateway.deployment import Deployment, DeploymentError
from gateway.features.address import parse_address
from gateway.features.redis_reader import RedisFeatureReader
from gateway.precomputed import PrecomputedRule, key_start
from gateway.precomputed_plan import fit
from gateway.score_all.entities import StoredEntities
from gateway.score_all.progress import Progress, ProgressFile
from gateway.score_all.run import ScoreRun, ScoreStore, Tell
from gateway.score_all.scorer import EntityScorer
from routing.control.client import open_control

OFFSETS_FILE = "clock.json"
"""In the state directory; `sluice up` writes it."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie: the feature Redis, the bundles, and the gateway's state directory."""

    redis_url: str
    bundles: Path
    state: Path


class Job:
    """Scores everybody with one bundle of a deployment; see `ScoreRun` for `rate` and `size`."""

    def __init__(self, deployment: Deployment, version: str, places: Places, rate: float, size: int) -> None:
        self._deployment = deployment
        self._version = version
        self._places = places
        self._rate = rate
        self._size = size

    async def run(self, tell: Tell) -> Progress:
        """Return what was done.

        Raises `AddressError`, `BackendError`, `BundleError`, `ConfigError`, `ControlError`, `DeploymentError`,
        `PrecomputedError`, `StoreLate`, or what redis-py raises.
        """
        rule = self._deployment.precomputed
        if rule is None:
            raise DeploymentError(f"deployment {self._deployment.name}: it does not say backend: precomputed")
        bundle = load_bundle(self._places.bundles / self._deployment.name / self._version, self._deployment.name)
        backend = OnnxBackend(bundle.model, len(bundle.plan.features))
        await prove(bundle, backend)
        reader = RedisFeatureReader(parse_address(self._places.redis_url))
        client = open_control(self._places.redis_url)
        await reader.start()
        try:
            run = self._put_together(rule, bundle, backend, reader, client, tell)
            return await run.run(rule.max_age)
        finally:
            await asyncio.gather(reader.close(), client.aclose())

    def _put_together(
        self,
        rule: PrecomputedRule,
        bundle: Bundle,
        backend: OnnxBackend,
        reader: RedisFeatureReader,
        client: Redis,
        tell: Tell,
    ) -> ScoreRun:
        name, digest = self._deployment.name, bundle.manifest.digest()
        group = fit(rule, bundle.plan).group
        event_now = event_clock(read_offsets(self._places.state / OFFSETS_FILE).get(name, 0.0))
        scorer = EntityScorer(bundle, backend, reader, rule, self._deployment.policy, event_now, group)
        store = ScoreStore(client, key_start(name, digest, rule), rule.max_age)
        kept = ProgressFile(self._places.state / "score-all" / f"{name}-{digest}.json")
        entities = StoredEntities(client, bundle.plan, group)
        return ScoreRun(entities, scorer, store, kept, self._rate, self._size, tell)
