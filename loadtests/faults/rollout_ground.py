"""What the fault runs of rollouts are played on: a control plane, a gateway of two workers, a rollout at some step."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from loadtests.cases import of_new_cards
from loadtests.faults.callers import Phase
from loadtests.faults.control_plane import ControlPlane, control_plane
from loadtests.faults.house import HardBundle
from loadtests.faults.redis_process import RedisProcess
from loadtests.faults.script import Deed
from loadtests.faults.served import Served, Wanted, serve
from loadtests.faults.stage import Stage, poisoned
from loadtests.faults.traffic import Run, Traffic

VERSION = "candidate"
ODD = "odd "
UNITS = 30_000  # a unit has said what it can after three calls
RATE, SHARE = 2_000.0, 0.3  # calls a second, and the share of the capacity that they may take
REACHED = 120.0  # seconds until the step that is wanted must have been reached
# The bundles that misbehave have a few nodes more than the champion and take more time, also while they are well.
GUARDS: Mapping[str, Any] = {"row_faults": {}, "contract": {}, "flaky": {}}


@dataclass(slots=True)
class Moment:
    """When a deed was done, in unix seconds."""

    at: float = field(default=0.0)

    def note(self) -> None:
        """It is done now."""
        self.at = time.time()


@dataclass(frozen=True, slots=True)
class Ground:
    """What a scenario is played on: a rollout at the step that was wanted."""

    stage: Stage
    plane: ControlPlane
    redis: RedisProcess
    served: Served

    def offer(self, phases: Sequence[tuple[float, float]], deeds: Sequence[Deed] = ()) -> Run:
        """Offer calls, phase by phase: its seconds, and the share of calls whose amounts are odd."""
        stage = self.stage
        rate = min(RATE, SHARE * stage.capacity)
        return self.offer_at([(seconds, rate, share) for seconds, share in phases], deeds)

    def offer_at(self, phases: Sequence[tuple[float, float, float]], deeds: Sequence[Deed] = ()) -> Run:
        """The same with calls a second for each phase: its seconds, its rate, and the share of odd calls."""
        stage = self.stage
        calm, odd = stage.mix(self.served), stage.mix(self.served, ODD)
        calm_cases = of_new_cards(stage.cases, UNITS)
        odd_cases = poisoned(of_new_cards(stage.cases, UNITS, crowd=2))
        everybody = stage.callers(self.served, calm_cases) + stage.callers(self.served, odd_cases, ODD)
        made = [Phase(seconds, rate, _mixed(calm, odd, share)) for seconds, rate, share in phases]
        return stage.offer(self.served, Traffic(everybody, made, stage.plan.deadline), deeds)


def _mixed(calm: Mapping[str, float], odd: Mapping[str, float], share: float) -> dict[str, float]:
    return {name: (1 - share) * part for name, part in calm.items()} | {
        name: share * part for name, part in odd.items()
    }


@contextmanager
def ground_of(
    stage: Stage, name: str, traits: Sequence[str], rollout: Mapping[str, Any], step: int = 1, controls: int = 1
) -> Iterator[Ground]:
    """Bring a rollout of a candidate with these traits to a step, two workers serving it."""
    house = stage.house(name, "fraud", HardBundle(VERSION, tuple(traits)))
    section = {"shadow": {"rate": 0.05, "pairs": 0, "minutes": 0.02}, "guards": GUARDS, **rollout}
    house.declare("fraud", {"rollout": None})  # not what it says of guards: the section here stands alone
    house.declare("fraud", {"arms": {"canary": None, "shadows": None}, "rollout": section})
    with stage.redis(name) as redis, control_plane(stage.plan, name, house, controls) as plane:
        wanted = Wanted(name, redis.url, workers=2, house=house, flags=plane.flags)
        with serve(stage.plan, wanted) as served:
            ground = Ground(stage, plane, redis, served)
            plane.order("start", "fraud", VERSION, "--bundles", str(house.bundles))
            _reach(ground, step)
            yield ground


def _reach(ground: Ground, step: int) -> None:
    """Go through the steps before, with as much traffic as they need."""
    if step > 1:
        ground.plane.await_step("fraud", 1, REACHED)
        ground.offer([(20.0, 0.0)])
    ground.plane.await_step("fraud", step, REACHED)
