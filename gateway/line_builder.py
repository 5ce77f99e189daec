"""One deployment's line, put together: its lanes, made of the bundles on the shelf, and the intake in front of them."""

import os
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.admission import LIST_ROWS, Admission, QueueLimits
from gateway.answer_book import AnswerBook
from gateway.backends.precomputed import ScoresAhead
from gateway.beside import Beside
from gateway.bundle import Bundle
from gateway.clock import event_clock
from gateway.contract_check import check_stored
from gateway.deployment import Deployment, DeploymentError
from gateway.features.plan import Plan
from gateway.features.reader import FeatureStore
from gateway.features.tolerance import ToleranceError, check_rules
from gateway.intake import Intake, RowReader
from gateway.lane import Lane
from gateway.lanes import Lanes
from gateway.lease import Lease
from gateway.line import Line
from gateway.meters import AheadMeters, BookMeters, Meters
from gateway.precomputed_plan import PrecomputedError
from gateway.record import Recorder
from gateway.recording import Recording
from gateway.served import Served
from gateway.shelf import Loaded, Shelf
from gateway.signs import Signs
from gateway.stored import StoredReader
from gateway.tensors.arms import contract_of
from gateway.tensors.bundle import TensorBundle
from gateway.tensors.intake import TensorIntake
from gateway.tensors.lane import TensorLane
from gateway.tensors.nothing_stored import NothingStored
from gateway.watching import Watching
from gateway.witness import Witness
from models.manifest import BundleError
from monitoring.series import SeriesFile
from routing.split import BUCKETS
from routing.table import CANARY, CHAMPION, FALLBACK, SHADOW, Table


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A line that can be turned to, with what it is made of. `loaded` is by arm."""

    served: Served
    line: Line
    intake: RowReader
    admission: Admission
    loaded: Mapping[tuple[str, str], Loaded]
    witness: Witness | None = None
    """Who notes its rows for a rollout's judge."""

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

    def __init__(self, shelf: Shelf, reader: FeatureStore, recording: Recording, series: SeriesFile) -> None:
        self._shelf = shelf
        self._reader = reader
        self._recording = recording
        self._series = series
        self._stored_as_planned: set[str] = set()
        self.lease = Lease()
        """Of every canary that a rollout gives a weight to."""

    async def build(self, served: Served, former: Built | None) -> Built:
        """Return the line that serves this; lanes that do not change go over, with what they have learned.

        Raises `BundleError` or `DeploymentError`.
        """
        deployment = served.deployment()
        table = deployment.table
        loaded = await self._load(served)
        contract = contract_of(deployment, {name: one.bundle for name, one in loaded.items()})
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
        if served.part is not None and not served.part.over:
            bundles = [one.bundle for one in loaded.values()]
            await self._check_stored((one for one in bundles if isinstance(one, Bundle)), event_now())
        names = [feature.name for feature in champion.plan.stored]
        meters = Meters(self._series, deployment.name, deployment.policy.rule.decisions, names)
        reader = self._reader if deployment.tensors is None else NothingStored()
        features = StoredReader(reader, champion.plan, meters, time.monotonic, event_now, deployment.views)
        watchers = Watching(deployment, lambda lane: loaded[lane.arm, lane.version].seat, features, self._series)
        witness = _witness(served, deployment, former)
        arms = Lanes(answering, watchers.mirrors(answering, watching, witness))
        shared = deployment.tensors is None or loaded[CHAMPION, table.champion].seat.remote
        admission = _admission(deployment, former, LIST_ROWS if shared else 1)
        recorder = self._recording.recorder(deployment)
        lease = None if served.part is None else self.lease
        beside = self._beside(deployment, champion.plan, [lane.digest for lane in answering.values()], recorder)
        line = Line(deployment, arms, features, admission, meters, recorder, time.monotonic, witness, lease, beside)
        vectors = deployment.idempotency is None
        intake: RowReader = Intake(champion.plan, deployment.unit, event_now, vectors)
        if contract is not None:
            intake = TensorIntake(contract, deployment.unit)
        return Built(served, line, intake, admission, loaded, witness)

    def _beside(self, deployment: Deployment, plan: Plan, digests: Sequence[str], recorder: Recorder) -> Beside:
        name, answers, scores = deployment.name, None, None
        if (promise := deployment.idempotency) is not None:
            meters = BookMeters(self._series, name)
            answers = AnswerBook(name, promise, self._reader, meters, recorder, time.monotonic)
        if (rule := deployment.precomputed) is not None:
            try:
                scores = ScoresAhead(name, rule, plan, digests, AheadMeters(self._series, name))
            except PrecomputedError as exc:
                raise DeploymentError(f"deployment {name}: {exc}") from exc
        return Beside(answers, scores)

    async def _check_stored(self, bundles: Iterable[Bundle], event_now: float) -> None:
        """Look once at what is stored for each bundle that a rollout brings."""
        for bundle in bundles:
            digest = bundle.manifest.digest()
            if digest not in self._stored_as_planned:
                try:
                    await check_stored(self._reader, bundle.plan, event_now)
                except BundleError as exc:
                    raise BundleError(f"bundle {bundle.manifest.version}: {exc}") from exc
                self._stored_as_planned.add(digest)

    async def _load(self, served: Served) -> dict[tuple[str, str], Loaded]:
        """Return every bundle by arm. During a rollout those in hosts have a copy of the champion beside them."""
        table, part, kind = served.table, served.part, served.declared().backend
        loaded: dict[tuple[str, str], Loaded] = {}
        for arm, version in seats(table):
            champion = None if part is None or part.over else loaded.get((CHAMPION, table.champion))
            place = self._shelf.place(_trust(arm, served), kind)
            loaded[arm, version] = await self._shelf.take(
                version, served.digests[version], place, champion, warm=part is not None
            )
        return loaded


class _Lanes:
    """Makes lanes, or finds the same one in the line before."""

    def __init__(
        self, deployment: Deployment, loaded: Mapping[tuple[str, str], Loaded], former: Iterable[Lane]
    ) -> None:
        self._policy, self._tensors = deployment.policy, deployment.tensors
        self._loaded = loaded
        self._former = tuple(former)

    def make(self, arm: str, version: str) -> Lane:
        loaded = self._loaded[arm, version]
        bundle = loaded.bundle
        digest = bundle.manifest.digest()
        seat = loaded.seat
        made = (arm, version, digest, bundle.plan, bundle.builder, seat.backend, self._policy, seat.blocking, seat.turn)
        if not isinstance(bundle, TensorBundle):
            lane = Lane(*made, remote=seat.remote, input_name=bundle.manifest.inputs.name)
        else:
            judged_by = "" if self._tensors is None else self._tensors.judged_by
            lane = TensorLane(
                *made, remote=seat.remote, joins=seat.joins, contract=bundle.contract, judged_by=judged_by
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


def _trust(arm: str, served: Served) -> str:
    """The arm as which a bundle is seated: what was promoted shares the workers' process, and what was champion still.

    A bundle that answers most units is as near to the champion as can be; a child process would only cost it time.
    """
    part = served.part
    if part is None:
        return arm
    promoted = arm == CANARY and part.weight > BUCKETS // 2
    retired = arm == SHADOW and part.over
    return CHAMPION if promoted or retired else arm


def _admission(deployment: Deployment, former: Built | None, rows: int) -> Admission:
    """What was learned of the queue holds for as long as budget and lists are what they were."""
    if former is not None and former.line.deployment.budget == deployment.budget and former.admission.most_rows == rows:
        return former.admission
    return Admission(deployment.budget, limits=QueueLimits(rows=rows))


def _witness(served: Served, deployment: Deployment, former: Built | None) -> Witness | None:
    """One witness sees a rollout through, whatever its tables: what a unit has said it remembers."""
    part = served.part
    if part is None or part.over:
        return None
    before = None if former is None else former.witness
    if before is not None and before.part.rollout == part.rollout:
        return before
    name = f"{os.uname().nodename}/{os.getpid()}/{secrets.token_hex(4)}"
    return Witness(Signs(deployment.rollout.measures), part, name, time.time() - time.monotonic())


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
