"""The steps that a rollout goes through: how much traffic each gives the canary, and what it takes to leave it."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

from routing.split import BUCKETS


class Stage(StrEnum):
    """What a step is for."""

    SHADOW = "shadow"
    """The canary sees rows, and answers nobody."""
    CANARY = "canary"
    """It answers `weight` of 10,000 units."""
    WATCHED = "watched"
    """It has been promoted; `weight` leaves out those units that the former champion goes on answering."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. It is left for the next one when nothing was found against the canary and everything here is met."""

    stage: Stage
    weight: int
    """The canary's, of 10,000 units."""
    least_exposure: int = 0
    """Units of each arm, by their first calls; in the shadow, pairs."""
    least_seconds: float = 0.0
    approval: bool = False
    """Whether a person has to approve before it is entered."""
    proof: bool = False
    """Whether it must be shown, before it is left, that the canary is not worse."""

    def __post_init__(self) -> None:
        if not 0 <= self.weight < BUCKETS:
            raise ValueError(f"a step's weight is {self.weight / BUCKETS:g}; it lies between 0 and below 1")
        if (self.stage is Stage.SHADOW) != (self.weight == 0):
            raise ValueError(f"a step of stage {self.stage} cannot have weight {self.weight / BUCKETS:g}")
        if self.least_exposure < 0 or not 0 <= self.least_seconds < inf:
            raise ValueError("a step's least exposure and least time are finite, and not below 0")


@dataclass(frozen=True, slots=True)
class Schedule:
    """All steps in their order: shadow, canary, watched. Weights only rise, for the split is monotone."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        order = [list(Stage).index(step.stage) for step in self.steps]
        if order != sorted(order) or set(Stage) != {step.stage for step in self.steps}:
            raise ValueError("a rollout goes through shadow, canary and watched, in this order")
        if self.steps[0].approval:
            raise ValueError(
                "the shadow answers nobody and needs no approval: ask for one before the first canary step"
            )
        weights = [step.weight for step in self.steps if step.weight]
        if any(later <= earlier for earlier, later in itertools.pairwise(weights)):
            raise ValueError(f"the weights of its steps must rise: {', '.join(f'{w / BUCKETS:g}' for w in weights)}")
        if not any(step.proof for step in self.steps if step.stage is Stage.CANARY):
            raise ValueError("no canary step asks for proof: 'no alarm' alone promotes nobody")


def approved_first(planned: Schedule) -> Schedule:
    """Return the schedule with a person's approval before the first step in which the canary answers anybody."""
    first = next(index for index, step in enumerate(planned.steps) if step.stage is Stage.CANARY)
    steps = [replace(step, approval=step.approval or index == first) for index, step in enumerate(planned.steps)]
    return Schedule(tuple(steps))


def schedule(
    steps: Sequence[Step], held_back: Sequence[tuple[float, float]] = ((0.10, 3600.0), (0.02, 23 * 3600.0))
) -> Schedule:
    """Return the shadow's and canary's `steps` with what is watched after them; the last canary step asks for proof.

    `held_back` says which share of units stays with the former champion, for how many seconds each.
    """
    last = replace(steps[-1], proof=True)
    watched = [
        Step(Stage.WATCHED, BUCKETS - round(share * BUCKETS), least_seconds=seconds) for share, seconds in held_back
    ]
    return Schedule((*steps[:-1], last, *watched))
