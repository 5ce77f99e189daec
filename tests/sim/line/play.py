"""One rollout through the real line: lists come, the witness is flushed twice a second, and the judge judges."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from typing import NamedTuple

import numpy as np

from gateway.intake import Row
from gateway.witness import Part
from routing.declared import read_rollout
from routing.judge import Judge
from routing.schedule import Stage, Step
from routing.table import CANARY, CHAMPION, SHADOW
from routing.verdict import Outcome, Verdict
from routing.window import Health, Window
from tests.sim.line.house import Callers, House
from tests.sim.line.manner import Arm
from tests.sim.line.pairing import Pairing
from tests.sim.line.scenes import Scene
from tests.sim.virtual_loop import VirtualLoop

FLUSH = 0.5
LONGEST_LIST = 64
WORKER = "0"
DECLARED = read_rollout(
    {
        "guards": {
            **dict.fromkeys(("row_faults", "contract", "slower", "tail", "flaky")),
            "decisions": {"of": ["decline"]},
        }
    }
)
"""The guards of the default declaration, and decisions to both sides."""


class Played(NamedTuple):
    """What came of a rollout."""

    when: float
    """When it was rolled back, in seconds; infinity if it never was."""
    guard: str
    """By which guard or floor."""
    failed: int
    """Calls that got no answer until then."""


def play(scene: Scene, seed: int) -> Played:
    """Play a scene in virtual time."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(_Rollout(scene, seed, loop).play())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class _Rollout:
    def __init__(self, scene: Scene, seed: int, loop: VirtualLoop) -> None:
        rng = self._rng = np.random.default_rng(seed)
        canary = scene.canary or scene.champion
        manners = {CHAMPION: scene.champion, CANARY: canary, SHADOW: scene.shadow}
        self._arms = {
            arm: Arm(manner, loop, rng, beside=arm != CHAMPION) for arm, manner in manners.items() if manner is not None
        }
        self._scene = scene
        self._loop = loop
        self._house = House(loop, self._arms, DECLARED.measures, rng)
        self._pairing = Pairing(DECLARED, replace(scene.champion, slow=canary.slow), canary, rng)
        self._lots = rng.random(scene.units).tolist()
        self._judge = Judge(DECLARED.rules, 0.0)
        self._judge.join(WORKER, 0.0)
        self._callers = Callers()
        self._tasks: set[asyncio.Task[None]] = set()
        seconds = scene.calls / scene.rate
        self._turns = deque((share * seconds, Part(at, 0, weight)) for at, (share, weight) in enumerate(scene.steps))
        self._house.turn(self._turns.popleft()[1])
        self._paired = 0

    async def play(self) -> Played:
        flushed = 0
        for start, units in self._lists():
            while (now := (flushed + 1) * FLUSH) <= start:
                await self._until(now)
                flushed += 1
                verdict = self._flush(flushed, now)
                if verdict.outcome is Outcome.FAIL:
                    return await self._end(Played(now, verdict.guard, self._callers.failed))
            await self._until(start)
            self._serve(units)
        return await self._end(Played(inf, "", self._callers.failed))

    def _lists(self) -> Iterator[tuple[float, list[int]]]:
        """Yield when each list starts, and whose calls it has."""
        scene, rng = self._scene, self._rng
        sizes = np.full(scene.calls // scene.mean_list, scene.mean_list)
        if 1 < scene.mean_list < LONGEST_LIST:
            sizes = np.minimum(rng.geometric(1.0 / scene.mean_list, sizes.size), LONGEST_LIST)
        starts = np.cumsum(rng.exponential(scene.mean_list / scene.rate, sizes.size))
        odds = 1.0 / np.arange(1, scene.units + 1) ** (1.1 if scene.pareto else 0.0)
        units = rng.choice(scene.units, sizes.sum(), p=odds / odds.sum())
        for start, some in zip(starts.tolist(), np.split(units, np.cumsum(sizes)[:-1]), strict=True):
            yield start, some.tolist()

    def _serve(self, units: list[int]) -> None:
        now, house = self._loop.time(), self._house
        while self._turns and self._turns[0][0] <= now:
            house.turn(self._turns.popleft()[1])
        house.store.away = self._scene.store_away(now) > 0
        call = house.call(self._callers)
        rows = [Row(call, str(unit), (b"",), [self._lots[unit]], None) for unit in units]
        task = self._loop.create_task(house.line.serve(rows))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _flush(self, number: int, now: float) -> Verdict:
        witness, answered = self._house.witness, self._callers.answered
        calls, spent, until = witness.flush(now)
        step = witness.part
        pairs = tuple(self._pairing.take(answered - self._paired, now))
        self._paired = answered
        self._judge.take(Window(WORKER, number, now, until, step.step, calls, spent, pairs, self._health(now)))
        return self._judge.verdict(step.step, Step(Stage.CANARY, step.weight), 0.0, now)

    def _health(self, now: float) -> Health:
        """Return what a worker would have counted of its lanes since the last flush."""
        canary, champion = self._arms[CANARY].counted(), self._arms[CHAMPION].counted()
        outages = self._house.outages()
        return Health(
            canary_runs=canary.runs,
            canary_broken=outages[CANARY],
            champion_runs=champion.runs,
            champion_broken=outages[CHAMPION],
            host_deaths=int(self._scene.host_dies(now)),
            strained=self._scene.strained(now) > 0,
            canary_scores=canary.scores,
            champion_scores=champion.scores,
        )

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - self._loop.time()))

    async def _end(self, played: Played) -> Played:
        """Let what is on its way arrive."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._house.close()
        return played
