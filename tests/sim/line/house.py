"""The real line in virtual time: scripted arms, features in memory, and a witness of what the judge is to hear."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from gateway.admission import Admission
from gateway.backends.backend import Backend
from gateway.backends.host_toll import Tolled
from gateway.call import Answer, Call, FeatureStatus, Priority, Reply
from gateway.cutoff import RUNS, Cutoff
from gateway.deployment import Deployment, UnitRule
from gateway.errors import GatewayError
from gateway.features.block import FeatureBlock, conclude, empty_draft
from gateway.features.layout import Feature, View
from gateway.features.plan import Group, JoinKey, Plan, RequestFeature
from gateway.features.tolerance import Tolerance
from gateway.lane import Lane
from gateway.lanes import Lanes
from gateway.line import Line
from gateway.matrix import MatrixBuilder
from gateway.meters import Meters, ShadowMeters
from gateway.mirror import Mirror
from gateway.pair_book import PairBook
from gateway.pairs import WAITING, Contender, Pairs
from gateway.policy import Policy, Thresholds
from gateway.record import NullRecorder
from gateway.served import Part
from gateway.shadow import Shadow
from gateway.signs import Signs
from gateway.stored import StoredReader
from gateway.witness import Witness
from monitoring.series import SeriesFile
from routing.declared import Declared
from routing.table import CANARY, CHAMPION, SHADOW, Canary, Table
from tests.sim.virtual_loop import VirtualLoop

BUDGET = 0.1
POLICY = Policy("1", 0.0, 1.0, Thresholds((0.2,), ("decline", "approve")))
VERSIONS = {CHAMPION: "1", CANARY: "2", SHADOW: "3"}
SHADOW_RATE = 0.2
WORKER = "0"


class Store:
    """A feature store that has everything, or while it is `away` nothing in time."""

    def __init__(self) -> None:
        self.away = False

    async def read(
        self,
        plan: Plan,
        keys: Sequence[tuple[bytes, ...]],
        event_now: float,
        timeout: float,  # noqa: ASYNC109  # as FeatureReader
        tolerance: Tolerance | None = None,
    ) -> FeatureBlock:
        """As `FeatureReader.read`."""
        size = len(keys), len(plan.stored), len(plan.views)
        if self.away:
            return conclude(plan, empty_draft(*size, FeatureStatus.LATE), event_now)
        return FeatureBlock(plan, np.zeros(size[:2]), [None] * (size[0] * size[2]), event_now, {})


@dataclass(frozen=True, slots=True)
class _Ground:
    """What runs of one process share: it says nothing of any of them."""

    plan: Plan
    builder: MatrixBuilder
    meters: Meters
    shadow_meters: ShadowMeters


@cache
def _ground() -> _Ground:
    stored = View("cards", 0.0, (Feature("card_limit", b"1", "double", None),))
    request = (RequestFeature("lot", "double", required=True),)
    plan = Plan("sim", (Group((JoinKey("card", "string"),), (stored,)),), request, None, ("lot", "card_limit"))
    with TemporaryDirectory() as directory:  # the file stays open, and nobody reads it
        series = SeriesFile(Path(directory), 0)
        meters = Meters(series, "fraud", POLICY.rule.decisions, ["card_limit"])
        return _Ground(plan, MatrixBuilder(plan, None), meters, ShadowMeters(series, "fraud", VERSIONS[SHADOW]))


class House:
    """A deployment with a rollout under way: a champion, a canary, pairs of the two, and perhaps a shadow.

    `arms` are the backends that answer, by arm, and a shadow's; `copy` is the champion's in the canary's host.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        arms: Mapping[str, Backend],
        copy: Backend,
        declared: Declared,
        tolled: Tolled,
        draw: Callable[[], float],
    ) -> None:
        ground = _ground()
        lanes = {
            arm: Lane(arm, VERSIONS[arm], "d", ground.plan, ground.builder, one, POLICY, blocking=arm == CHAMPION)
            for arm, one in arms.items()
        }
        self.store = Store()
        self.witness = _witness(declared, tolled)
        self._loop = loop
        self._admission = Admission(BUDGET)
        self._features = StoredReader(self.store, ground.plan, ground.meters, loop.time, loop.time)
        own = Contender(lanes[CANARY], arms[CANARY], nullcontext())
        champion = Contender(lanes[CHAMPION], copy, nullcontext())
        pairs = Pairs(own, champion, self._features, ground.shadow_meters, self.witness, draw)
        dropped = ground.shadow_meters.dropped
        mirrors = [Mirror(pairs, declared.pair_rate, dropped, draw, WAITING, faults=True, at_once=1)]
        if SHADOW in lanes:
            shadow = Shadow(lanes.pop(SHADOW), self._features, ground.shadow_meters, loop.time)
            mirrors.append(Mirror(shadow, SHADOW_RATE, dropped, draw))
        self._lanes = Lanes(lanes, tuple(mirrors))
        self.line = self._line(self.witness.part)

    def turn(self, part: Part) -> None:
        """Serve another table from now on."""
        self.witness.part = part
        self.line = self._line(part)

    def call(self, reply: Reply) -> Call:
        """Return a caller's call, which has just come; many rows may be one caller's."""
        now = self._loop.time()
        return Call("fraud", {}, {}, "", now, now + BUDGET, "", Priority.DEFAULT, "", reply)

    async def close(self) -> None:
        """Let what is put aside finish."""
        await self.line.close()

    def _line(self, part: Part) -> Line:
        table = Table("fraud", part.step + 1, VERSIONS[CHAMPION], b"sim", Canary(VERSIONS[CANARY], part.weight))
        return Line(
            Deployment("fraud", UnitRule("request", "card"), "wall", BUDGET, POLICY, table),
            self._lanes,
            self._features,
            self._admission,
            _ground().meters,
            NullRecorder(),
            self._loop.time,
            self.witness,
        )


class _SoonPairs(PairBook):
    """Freezes the cut-off of the tail after a tenth of the runs: these rollouts are short."""

    def __init__(self, signs: Signs) -> None:
        super().__init__(signs)
        self._cutoff = Cutoff(signs.tail_by, RUNS // 10)


def _witness(declared: Declared, tolled: Tolled) -> Witness:
    signs = Signs(declared.measures)
    witness = Witness(signs, Part("sim", 0, 0, 0), WORKER)
    witness.pairs = _SoonPairs(signs)
    witness.health.watch(tolled)
    return witness


def nobody_listens(result: Answer | GatewayError) -> None:
    """Take an answer."""
