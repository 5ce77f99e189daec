"""The canary breaks, slows, hangs, dies or eats memory: its calls are rescued, and the champion does not feel it.

The canary's bundle is well until a call comes whose amount is not whole cents; the blocks of such calls alternate with
blocks of ordinary ones.
"""

import contextlib
import os
import signal
from functools import partial

from loadtests.faults.blocks import blocks, no_slower, ratios
from loadtests.faults.expectation import Expectation, at_least
from loadtests.faults.house import HardBundle
from loadtests.faults.ledger import GOOD
from loadtests.faults.observing import mostly, none_failed, observed
from loadtests.faults.plan import Plan
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.script import Deed
from loadtests.faults.served import Served
from loadtests.faults.stage import Stage, poisoned
from loadtests.faults.traffic import Run, Traffic

WEIGHT = 0.2
ODD = "odd "
_PAIRS, _QUICK_PAIRS, _BLOCK = 10, 2, 3.0
_RATIO = 1.2
_EVERY = 0.25  # seconds between two signals to the lane host


def hard_canary(stage: Stage, name: str, *traits: str) -> Observed:
    """Give the canary a bundle with a trait, and set it going in every second block."""
    with _served(stage, name, HardBundle("hard", traits)) as (_, served):
        run = _in_blocks(stage, served, odd=True)
    found = ratios(run)
    return observed(run, {}, _expected(run, found), {"ratios": found})


def struck_canary(stage: Stage, name: str, number: signal.Signals) -> Observed:
    """Send a signal to the canary's lane host again and again in every second block."""
    with _served(stage, name) as (_, served):
        striking = _Striking(served, number)
        run = _in_blocks(stage, served, odd=False, striking=striking)
    found = ratios(run)
    struck = at_least("lane hosts struck", striking.struck, 1)
    return observed(run, {}, [*_expected(run, found), struck], {"ratios": found})


def _served(stage: Stage, name: str, *hard: HardBundle) -> "contextlib.AbstractContextManager[tuple[object, Served]]":
    house = stage.house(name, "fraud", *hard)
    version = hard[0].version if hard else "2"
    house.declare("fraud", {"arms": {"canary": {"version": version, "weight": WEIGHT}, "shadows": None}})
    return stage.both(name, house=house)


def _in_blocks(stage: Stage, served: Served, odd: bool, striking: "_Striking | None" = None) -> Run:
    pairs = _QUICK_PAIRS if stage.plan.quick else _PAIRS
    everybody = stage.callers(served)
    calm = stage.mix(served)
    fault = stage.mix(served, ODD) if odd else calm
    if odd:
        everybody += stage.callers(served, poisoned(stage.cases), ODD)
    phases = blocks(pairs, _BLOCK, stage.rate, calm, fault)
    deeds = [] if striking is None else _strikes(striking, pairs)
    return stage.offer(served, Traffic(everybody, phases, stage.plan.deadline), deeds)


def _strikes(striking: "_Striking", pairs: int) -> list[Deed]:
    """Strike the lane hosts through every block that is the fault's."""
    deeds = []
    for pair in range(pairs):
        begin = (2 * pair + (0 if pair % 2 else 1)) * _BLOCK
        times = [begin + step * _EVERY for step in range(round(_BLOCK / _EVERY))]
        deeds += [Deed(at, "struck", striking.strike) for at in times]
    return deeds


class _Striking:
    """Signals to whatever lane hosts there are; `struck` counts those that were sent."""

    def __init__(self, served: Served, number: signal.Signals) -> None:
        self._served = served
        self._number = number
        self.struck = 0

    def strike(self) -> None:
        """Strike every lane host that lives now."""
        for pid in self._served.hosts():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, self._number)
                self.struck += 1


def _expected(run: Run, found: list[float]) -> list[Expectation]:
    return [
        none_failed(run.calls),
        mostly(run.calls, 0.99, *GOOD),
        no_slower(found, _RATIO),
    ]


def _seconds(plan: Plan) -> float:
    return 2 * _BLOCK * (_QUICK_PAIRS if plan.quick else _PAIRS) + 15


_SEES = "answers: the canary's calls are rescued by the champion, whose own p99 stays within 1.2 of what it was"


def _hard(name: str, does: str, *traits: str) -> Scenario:
    return Scenario(name, does, _SEES, partial(_play_hard, name=name, traits=traits), _seconds)


def _play_hard(stage: Stage, name: str, traits: tuple[str, ...]) -> Observed:
    return hard_canary(stage, name, *traits)


def _struck(name: str, does: str, number: signal.Signals) -> Scenario:
    return Scenario(name, does, _SEES, partial(struck_canary, name=name, number=number), _seconds)


SCENARIOS = (
    _hard("canary-fails", "every run of the canary fails", "--trait", "fails"),
    _hard("canary-nan", "the canary scores NaN", "--trait", "nan"),
    _hard("canary-shape", "the canary gives one score too many", "--trait", "shape"),
    _hard("canary-slow", "the canary takes 200 ms", "--trait", "slow-run", "--ms", "200"),
    _hard("canary-hangs", "the canary never returns from native code", "--trait", "hangs"),
    _hard("canary-eats", "every run of the canary takes 2 GB of memory", "--trait", "eats", "--megabytes", "2048"),
    _struck("canary-dead", "the canary's lane host is killed again and again (SIGKILL)", signal.SIGKILL),
    _struck("canary-segfault", "the canary's lane host segfaults again and again (SIGSEGV)", signal.SIGSEGV),
    _struck("canary-stopped", "the canary's lane host stands still (SIGSTOP)", signal.SIGSTOP),
)
