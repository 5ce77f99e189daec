"""How long the judge thinks that a step will take, against how long it does on drawn traffic."""

from collections.abc import Iterator
from statistics import median

import numpy as np
import pytest

from routing.guard import Guard, Source
from routing.judge import Judge, Rules
from routing.order import Settled
from routing.proof import ProofWanted
from routing.schedule import Stage, Step
from routing.verdict import Outcome
from routing.window import Window
from tests.sim.judge.traffic import Traffic, draw

FLUSH = 0.5


def windows(traffic: Traffic, seed: int) -> Iterator[Window]:
    """Yield what one worker flushes."""
    calls = draw(traffic, seed)
    columns = (calls.at, calls.unit, calls.canary, calls.step, calls.weight, calls.bad)
    before = 0
    for number in range(1, round(traffic.seconds / FLUSH) + 1):
        now = number * FLUSH
        until = int(np.searchsorted(calls.at, now))
        rows = zip(*(column[before:until].tolist() for column in columns), strict=True)
        yield Window("0", number, now, now, 0, tuple(Settled(*row[:5], int(row[5])) for row in rows))
        before = until


def play(traffic: Traffic, wanted: ProofWanted, step: Step, ask_at: float, seed: int) -> tuple[float, float | None]:
    """Return when the step could be left, and when the judge thought that it would be."""
    judge = Judge(Rules((Guard("row_faults", Source.UNITS),), wanted), 0.0)
    thought: float | None = None
    for window in windows(traffic, seed):
        judge.take(window)
        verdict = judge.verdict(0, step, 0.0, window.at)
        if window.at == ask_at and (expected := judge.expected(0, step, 0.0, window.at)) is not None:
            thought = ask_at + expected
        if verdict.outcome is Outcome.PASS and window.at >= ask_at:
            return window.at, thought
    return traffic.seconds, thought


@pytest.mark.parametrize(
    ("traffic", "wanted", "step", "ask_at"),
    [
        (
            Traffic("proof below a ceiling", 300.0, 200.0, steps=((0.0, 1_000),), champion=0.001, canary=0.001),
            ProofWanted(ceiling=0.005),
            Step(Stage.CANARY, 1_000, proof=True),
            30.0,
        ),
        (
            Traffic("proof against the champion", 900.0, 100.0, steps=((0.0, 1_000),), champion=0.05, canary=0.05),
            ProofWanted(times=1.5),
            Step(Stage.CANARY, 1_000, proof=True),
            60.0,
        ),
        (
            Traffic("exposure", 100.0, 100.0, steps=((0.0, 500),), champion=0.01, canary=0.01),
            ProofWanted(),
            Step(Stage.CANARY, 500, least_exposure=300),
            20.0,
        ),
        (
            Traffic("time", 100.0, 20.0, steps=((0.0, 500),)),
            ProofWanted(),
            Step(Stage.CANARY, 500, least_seconds=50.0),
            20.0,
        ),
    ],
    ids=lambda one: one.name if isinstance(one, Traffic) else "",
)
def test_it_is_right_within_a_factor_of_two(traffic: Traffic, wanted: ProofWanted, step: Step, ask_at: float) -> None:
    """Single runs are luck, and so is what can be known of them: medians of both are compared."""
    runs = [play(traffic, wanted, step, ask_at, seed) for seed in range(9)]
    took = median(end for end, _ in runs)
    thought = [one for _, one in runs if one is not None]
    assert ask_at < took < traffic.seconds, "there is something to be foretold"
    assert len(thought) >= 5
    assert took / 2 <= median(thought) <= took * 2
