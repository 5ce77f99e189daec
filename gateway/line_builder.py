"""One deployment's line, put together: its lanes, made of the bundles on the shelf, and the intake in front of them."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.admission import Admission
from gateway.clock import event_clock
from gateway.deployment import Deployment, DeploymentError
from gateway.features.reader import FeatureReader
from gateway.features.tolerance import ToleranceError, check_rules
from gateway.intake import Intake
from gateway.lane import Lane
from gateway.line import Lanes, Line
from gateway.meters import Meters
from gateway.recording import Recording
from gateway.served import Served
from gateway.shelf import Loaded, Shelf
from gateway.stored import StoredReader
from gateway.watching import Watching
from gateway.witness import Witness
from models.manifest import BundleError
from monitoring.series import SeriesFile
from routing.table import CANARY, CHAMPION, FALLBACK, SHADOW, Table


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A line that can be turned to, with what it is made of. `loaded` is by arm."""

    served: Served
    line: Line
    intake: Intake
    admission: Admission
    loaded: Mapping[tuple[str, str], Loaded]

    @property
    def champion(self) -> Loaded:
        """The champion's bundle."""
        return self.loaded[CHAMPION, self.served.table.champion]

    def lanes(self) -> list[Lane]:
        """Return every lane, those that answer first."""
        lanes = self.line.lanes
        return [*lanes.answering.values(), *lanes.shadows]


class LineBuilder:
    """Builds the lines of one deployment, one table after the other."""

    def __init__(self, shelf: Shelf, reader: FeatureReader, recording: Recording, series: SeriesFile) -> None:
        self._shelf = shelf
        self._reader = reader
        self._recording = recording
        self._series = series

    async def build(self, served: Served, former: Built | None, witness: Witness | None = None) -> Built:
        """Return the line that serves this; lanes that do not change go over, with what they have learned.

        The `witness` is of the rollout that is under way. Raises `BundleError` or `DeploymentError`.
        """
        deployment = served.deployment()
        table = deployment.table
        loaded = await self._load(served)
        lanes = _Lanes(deployment, loaded, former.lanes() if former else ())
        champion = lanes.make(CHAMPION, table.champion)
        answering = {CHAMPION: champion}
        if table.canary is not None:
            answering[CANARY] = lanes.make(CANARY, table.canary.version)
        if table.fallback is not None:
            answering[FALLBACK] = lanes.make(FALLBACK, table.fallback)
        watching = {shadow: lanes.make(SHADOW, shadow.version) for shadow in table.shadows}
        for lane in (*answering.values(), *watching.values()):
            _check_same_request(champion, lane)
        _check_views(deployment, loaded.values())
        _check_money(deployment, champion)

        event_now = event_clock(served.offset)
        names = [feature.name for feature in champion.plan.stored]
        meters = Meters(self._series, deployment.name, deployment.policy.rule.decisions, names)
        features = StoredReader(self._reader, champion.plan, meters, time.monotonic, event_now, deployment.views)
        watchers = Watching(deployment, lambda lane: loaded[lane.arm, lane.version].seat, features, self._series)
        arms = Lanes(answering, watchers.mirrors(answering, watching, witness))
        admission = _admission(deployment, former)
        recorder = self._recording.recorder(deployment)
        line = Line(deployment, arms, features, admission, meters, recorder, time.monotonic, witness)
        return Built(served, line, Intake(champion.plan, deployment.unit, event_now), admission, loaded)

    async def _load(self, served: Served) -> dict[tuple[str, str], Loaded]:
        """Return every bundle by arm. During a rollout those in hosts have a copy of the champion beside them."""
        table, loaded = served.table, dict[tuple[str, str], Loaded]()
        for arm, version in seats(table):
            champion = loaded.get((CHAMPION, table.champion)) if served.part is not None else None
            loaded[arm, version] = await self._shelf.take(version, served.digests[version], arm, champion)
        return loaded


class _Lanes:
    """Makes lanes, or finds the same one in the line before."""

    def __init__(
        self, deployment: Deployment, loaded: Mapping[tuple[str, str], Loaded], former: Iterable[Lane]
    ) -> None:
        self._policy = deployment.policy
        self._loaded = loaded
        self._former = tuple(former)

    def make(self, arm: str, version: str) -> Lane:
        loaded = self._loaded[arm, version]
        bundle = loaded.bundle
        digest = bundle.manifest.digest()
        seat = loaded.seat
        lane = Lane(
            arm, version, digest, bundle.plan, bundle.builder, seat.backend, self._policy, seat.blocking, seat.turn
        )
        return next((one for one in self._former if one == lane), lane)


def seats(table: Table) -> list[tuple[str, str]]:
    """Return every arm with its version, once each; the champion first, whose plan the others' are compared with."""
    arms = [(CHAMPION, table.champion)]
    if table.canary is not None:
        arms.append((CANARY, table.canary.version))
    if table.fallback is not None:
        arms.append((FALLBACK, table.fallback))
    return list(dict.fromkeys([*arms, *((SHADOW, shadow.version) for shadow in table.shadows)]))


def _admission(deployment: Deployment, former: Built | None) -> Admission:
    """What was learned of the queue holds for as long as the budget does."""
    if former is not None and former.line.deployment.budget == deployment.budget:
        return former.admission
    return Admission(deployment.budget)


def _check_same_request(champion: Lane, lane: Lane) -> None:
    """Callers cannot know which arm they meet, so every arm takes what the champion takes."""
    if lane.plan.request != champion.plan.request or set(lane.plan.entities) != set(champion.plan.entities):
        raise BundleError(
            f"{lane.arm} {lane.version} wants other entities or request features than champion {champion.version}"
        )


def _check_views(deployment: Deployment, loaded: Iterable[Loaded]) -> None:
    try:
        check_rules(deployment.views, [one.bundle.plan for one in loaded])
    except ToleranceError as exc:
        raise DeploymentError(f"deployment {deployment.name}: {exc}") from exc


def _check_money(deployment: Deployment, champion: Lane) -> None:
    money = deployment.policy.money
    if money is None:
        return
    figures = [*(feature.name for feature in champion.plan.request), *deployment.policy.rule.outputs]
    if money.of not in figures:
        raise DeploymentError(
            f"deployment {deployment.name}: money: of is {money.of!r}; it is one of {', '.join(figures)}"
        )
