"""One rollout through the real line: lists come, the witness is flushed twice a second, and the judge judges."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from typing import NamedTuple

import numpy as np

from gateway.backends.host_toll import Toll
from gateway.intake import Row
from gateway.served import Part
from routing.declared import read_rollout
from routing.judge import Judge
from routing.schedule import Stage, Step
from routing.table import CANARY, CHAMPION, SHADOW
from routing.verdict import Outcome, Verdict
from tests.sim.line.house import WORKER, House, nobody_listens
from tests.sim.line.manner import Arm
from tests.sim.line.scenes import Scene
from tests.sim.virtual_loop import VirtualLoop

FLUSH = 0.5
LONGEST_LIST = 64
DECLARED = read_rollout(
    {
        "guards": {
            **dict.fromkeys(("row_faults", "contract", "slower", "tail", "flaky")),
            "decisions": {"of": ["decline"]},
        },
        "pairs": {"rate": 0.1},
    }
)
"""The guards of the default declaration, decisions to both sides, and five times the pairs: these are short."""


class Played(NamedTuple):
    """What came of a rollout."""

    when: float
    """When it was rolled back, in seconds; infinity if it never was."""
    guard: str
    """By which guard or floor."""
    cleared: bool
    """Whether it was shown, at any look until then, that its rows are not worse."""


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
        self._toll = Toll()
        there = replace(scene.champion, slow=canary.slow, dead=canary.dead, gone=canary.gone)
        copy = Arm(there, loop, rng, beside=True)
        self._house = House(loop, self._arms, copy, DECLARED, lambda: self._toll, rng.random)
        self._lots = rng.random(scene.units).tolist()
        self._judge = Judge(DECLARED.rules, 0.0)
        self._judge.join(WORKER, 0.0)
        self._cleared = False
        self._tasks: set[asyncio.Task[None]] = set()
        seconds = scene.calls / scene.rate
        self._turns = deque(
            (share * seconds, Part("sim", at, 0, weight)) for at, (share, weight) in enumerate(scene.steps)
        )
        self._house.turn(self._turns.popleft()[1])

    async def play(self) -> Played:
        flushed = 0
        for start, units in self._lists():
            while (now := (flushed + 1) * FLUSH) <= start:
                await self._until(now)
                flushed += 1
                verdict = self._flush(now)
                if verdict.outcome is Outcome.FAIL:
                    return await self._end(Played(now, verdict.guard, self._cleared))
            await self._until(start)
            self._serve(units)
        return await self._end(Played(inf, "", self._cleared))

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
        call = house.call(nobody_listens)
        rows = [Row(call, str(unit), (b"",), [self._lots[unit]], None) for unit in units]
        task = self._loop.create_task(house.line.serve(rows))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _flush(self, now: float) -> Verdict:
        self._toll = self._tolled_until(now)
        self._judge.take(self._house.witness.window(now))
        part = self._house.witness.part
        verdict = self._judge.verdict(part.step, Step(Stage.CANARY, part.weight), 0.0, now)
        self._cleared = self._cleared or bool(self._judge.proof.shown)
        return verdict

    def _tolled_until(self, now: float) -> Toll:
        """Return what the canary's host has cost: how often it has died, and how long it has waited."""
        canary, toll = self._arms[CANARY].manner, self._toll
        died = canary.dead(now) > 0 >= canary.dead(now - FLUSH)
        return Toll(toll.deaths + died, 0, toll.waited + FLUSH * (canary.slow(now) > 0))

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - self._loop.time()))

    async def _end(self, played: Played) -> Played:
        """Let what is on its way arrive."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._house.close()
        return played
