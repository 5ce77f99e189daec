"""The shipped judge on drawn traffic: windows of two workers, flushed twice a second, with a verdict after each."""

from collections.abc import Iterator

import numpy as np

from routing.guard import Guard, Source
from routing.judge import Judge, Rules
from routing.order import Settled
from routing.schedule import Stage, Step
from routing.verdict import Outcome
from routing.window import Window
from tests.sim.judge.traffic import Calls

FLUSH = 0.5
WORKERS = ("0", "1")
GUARD = Guard("row_faults", Source.UNITS)


def evidence_of(calls: Calls, seconds: float, late: float = 0.0) -> Iterator[tuple[float, float, Outcome]]:
    """Yield by flush its time, the guard's evidence, and what the judge says.

    Bad calls of the champion settle `late` seconds after their admission, all others at once.
    """
    judge = Judge(Rules((GUARD,)), 0.0)
    for worker in WORKERS:
        judge.join(worker, 0.0)
    settled_at = calls.at + np.where(calls.bad & ~calls.canary, late, 0.0)
    order = np.argsort(settled_at, kind="stable")
    next_one = 0
    for number in range(1, round(seconds / FLUSH) + 1):
        now = number * FLUSH
        until = int(np.searchsorted(settled_at[order], now, side="left"))
        chosen, next_one = order[next_one:until], until
        for index, worker in enumerate(WORKERS):
            own = chosen[chosen % len(WORKERS) == index]
            settled = tuple(
                Settled(at, unit, canary, step, weight, int(bad))
                for at, unit, canary, step, weight, bad in zip(
                    *(column[own].tolist() for column in _columns(calls)), strict=True
                )
            )
            judge.take(Window(worker, number, now, now - late, calls=settled))
        outcome = judge.verdict(0, Step(Stage.CANARY, 1), 0.0, now).outcome
        yield now, judge.findings.all[0].evidence.value, outcome


def _columns(calls: Calls) -> tuple[np.ndarray, ...]:
    return calls.at, calls.unit, calls.canary, calls.step, calls.weight, calls.bad
