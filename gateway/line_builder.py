"""One deployment's line, put together: its bundles loaded, each once, its lanes, and the intake in front of them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.admission import Admission
from gateway.backends.backend import Backend, BackendError
from gateway.backends.onnx import OnnxBackend
from gateway.bundle import Bundle, load_bundle, prove
from gateway.config import ServeConfig
from gateway.deployment import Deployment
from gateway.features.plan import Plan
from gateway.features.reader import FeatureReader
from gateway.intake import Intake
from gateway.lane import Lane
from gateway.line import Lanes, Line
from gateway.meters import Meters, ShadowMeters
from gateway.shadow import Shadow
from gateway.stored import StoredReader
from models.manifest import BundleError
from monitoring import metrics
from monitoring.series import SeriesFile
from routing.table import CANARY, CHAMPION, FALLBACK, SHADOW


@dataclass(frozen=True, slots=True)
class Loaded:
    """A verified bundle with the backend that reproduced its golden rows."""

    bundle: Bundle
    backend: Backend


class LineBuilder:
    """Builds one deployment's line: loads each of its bundles once, whatever number of arms it serves."""

    def __init__(
        self,
        deployment: Deployment,
        config: ServeConfig,
        reader: FeatureReader,
        series: SeriesFile,
        event_now: Callable[[], float],
        admission: Admission,
    ) -> None:
        self._admission = admission
        self._deployment = deployment
        self._directory = config.bundles / deployment.name
        self._reader = reader
        self._series = series
        self._event_now = event_now
        self._loaded: dict[str, Loaded] = {}
        self._plans: list[Plan] = []

    async def build(self) -> tuple[Line, Intake]:
        """Return the line and the intake in front of it. Raises `BundleError`."""
        deployment, table = self._deployment, self._deployment.table
        champion = await self._lane(CHAMPION, table.champion)
        plan = champion.plan
        names = [feature.name for feature in plan.stored]
        meters = Meters(self._series, deployment.name, deployment.policy.rule.decisions, names)
        features = StoredReader(self._reader, plan, meters, time.monotonic, self._event_now)
        answering = {CHAMPION: champion}
        if table.canary is not None:
            answering[CANARY] = await self._lane(CANARY, table.canary.version)
        if table.fallback is not None:
            answering[FALLBACK] = await self._lane(FALLBACK, table.fallback)
        shadows = []
        for shadow in table.shadows:
            shadow_meters = ShadowMeters(self._series, deployment.name, shadow.version)
            lane = await self._lane(SHADOW, shadow.version)
            shadows.append(Shadow(lane, shadow.rate, features, shadow_meters, random.random, time.monotonic))
        line = Line(deployment, Lanes(answering, tuple(shadows)), features, self._admission, meters, time.monotonic)
        for lane in (*answering.values(), *(shadow.lane for shadow in shadows)):
            _check_same_request(champion, lane)
        return line, Intake(plan, deployment.unit, self._event_now)

    async def _lane(self, arm: str, version: str) -> Lane:
        loaded = await self._load(version)
        bundle, name = loaded.bundle, self._deployment.name
        digest = bundle.manifest.digest()
        self._series.gauge(metrics.BUNDLE, name, arm, version, digest).set(1.0)
        return Lane(arm, version, digest, bundle.plan, bundle.builder, loaded.backend, self._deployment.policy)

    async def _load(self, version: str) -> Loaded:
        if version not in self._loaded:
            bundle = self._with_known_plan(load_bundle(self._directory / version, self._deployment.name))
            try:
                backend = OnnxBackend(bundle.model, len(bundle.plan.features))
            except BackendError as exc:
                raise BundleError(f"{self._directory / version}: {exc}") from exc
            await prove(bundle, backend)
            self._loaded[version] = Loaded(bundle, backend)
            self._plans.append(bundle.plan)
        return self._loaded[version]

    def _with_known_plan(self, bundle: Bundle) -> Bundle:
        """Give equal plans one identity, so that the line sees at a glance that one matrix serves both arms."""
        known = next((plan for plan in self._plans if plan == bundle.plan), bundle.plan)
        return replace(bundle, plan=known)


def _check_same_request(champion: Lane, lane: Lane) -> None:
    """Callers cannot know which arm they meet, so every arm takes what the champion takes."""
    if lane.plan.request != champion.plan.request or set(lane.plan.entities) != set(champion.plan.entities):
        raise BundleError(
            f"{lane.arm} {lane.version} wants other entities or request features than champion {champion.version}"
        )
