"""The real line in virtual time: scripted arms, features in memory, and a witness of what the judge is to hear."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from gateway.admission import Admission
from gateway.backends.backend import Backend
from gateway.call import Answer, Call, FeatureStatus, Priority, Reply
from gateway.deployment import Deployment, UnitRule
from gateway.errors import GatewayError
from gateway.fault_search import Outage, Tell
from gateway.features.block import FeatureBlock, conclude, empty_draft
from gateway.features.layout import Feature, View
from gateway.features.plan import Group, JoinKey, Plan, RequestFeature
from gateway.features.tolerance import Tolerance
from gateway.halving import Found
from gateway.intake import Row
from gateway.lane import Lane
from gateway.line import Lanes, Line
from gateway.matrix import MatrixBuilder
from gateway.meters import Meters, ShadowMeters
from gateway.policy import Policy, Thresholds
from gateway.record import NullRecorder
from gateway.shadow import Shadow
from gateway.signs import Signs
from gateway.stored import StoredReader
from gateway.witness import ListTicket, Part, Ticket, Witness
from monitoring.series import SeriesFile
from routing.declared import Measure
from routing.table import CANARY, CHAMPION, SHADOW, Canary, Table
from tests.sim.virtual_loop import VirtualLoop

BUDGET = 0.1
POLICY = Policy("1", 0.0, 1.0, Thresholds((0.2,), ("decline", "approve")))
VERSIONS = {CHAMPION: "1", CANARY: "2", SHADOW: "3"}
SHADOW_RATE = 0.2


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


class _HearingTicket(ListTicket):
    """Counts the runs at which the lane failed whatever the row."""

    __slots__ = ("_hearing",)

    def __init__(self, witness: "_HearingWitness", number: int, admitted: float) -> None:
        super().__init__(witness, number, admitted, witness.part)
        self._hearing = witness

    def search(self, lane: Lane, matrix: NDArray[np.float32], rows: Sequence[Row]) -> Tell:
        tell = super().search(lane, matrix, rows)

        def hear(found: Sequence[Found]) -> None:
            self._hearing.outages[lane.arm] += any(isinstance(one, Outage) for one in found)
            tell(found)

        return hear


class _HearingWitness(Witness):
    """Also hears of outages, for the judge's floors."""

    def __init__(self, signs: Signs, part: Part) -> None:
        super().__init__(signs, part)
        self.outages: Counter[str] = Counter()
        self._admitted = count()

    def admit(self, now: float) -> Ticket:
        number = -1 - next(self._admitted)
        self._open[number] = now
        return _HearingTicket(self, number, now)


class House:
    """A deployment with a champion, a canary, and a shadow where there is a backend for one."""

    def __init__(
        self, loop: VirtualLoop, backends: Mapping[str, Backend], measures: Sequence[Measure], rng: np.random.Generator
    ) -> None:
        self.store = Store()
        self.witness = _HearingWitness(Signs(measures), Part(0, 0, 0))
        self._loop = loop
        self._admission = Admission(BUDGET)
        ground = _ground()
        lanes = {
            arm: Lane(arm, VERSIONS[arm], "d", ground.plan, ground.builder, backend, POLICY, blocking=arm == CHAMPION)
            for arm, backend in backends.items()
        }
        self._features = StoredReader(self.store, ground.plan, ground.meters, loop.time, loop.time)
        self._shadows = tuple(
            Shadow(lane, SHADOW_RATE, self._features, ground.shadow_meters, rng.random, loop.time)
            for arm, lane in lanes.items()
            if arm == SHADOW
        )
        self._answering = {arm: lane for arm, lane in lanes.items() if arm != SHADOW}
        self.line = self._line(Part(0, 0, 0))

    def turn(self, part: Part) -> None:
        """Serve another table from now on."""
        self.witness.part = part
        self.line = self._line(part)

    def call(self, reply: Reply) -> Call:
        """Return a caller's call, which has just come; many rows may be one caller's."""
        now = self._loop.time()
        return Call("fraud", {}, {}, "", now, now + BUDGET, "", Priority.DEFAULT, "", reply)

    def outages(self) -> Counter[str]:
        """Return by arm, since the last time, how many runs met a lane that failed whatever the row."""
        found, self.witness.outages = self.witness.outages, Counter()
        return found

    async def close(self) -> None:
        """Let what is put aside finish."""
        await self.line.close()

    def _line(self, part: Part) -> Line:
        table = Table("fraud", part.step + 1, VERSIONS[CHAMPION], b"sim", Canary(VERSIONS[CANARY], part.weight))
        deployment = Deployment("fraud", UnitRule("request", "card"), "wall", BUDGET, POLICY, table)
        return Line(
            deployment,
            Lanes(self._answering, self._shadows),
            self._features,
            self._admission,
            _ground().meters,
            NullRecorder(),
            self._loop.time,
            self.witness,
        )


class Callers:
    """Counts rows by what became of them."""

    def __init__(self) -> None:
        self.answered = self.failed = 0

    def __call__(self, result: Answer | GatewayError) -> None:
        """Hear an answer."""
        if isinstance(result, Answer):
            self.answered += 1
        else:
            self.failed += 1
