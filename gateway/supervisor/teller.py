"""Tells the control Redis, twice a second, how this gateway stands and what its workers have found out.

What cannot be sent is kept for a while and sent later: the judge hears a window once, however often it comes.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

from gateway.messages import Hear
from gateway.messages import Standing as WorkerStanding
from gateway.supervisor.alignment import Alignment
from gateway.supervisor.follower import Follower
from gateway.supervisor.tables import Tables
from gateway.supervisor.worker_process import WorkerGone, WorkerProcess
from gateway.supervisor.workers import Workers
from monitoring import metrics
from monitoring.series import SeriesFile
from routing.control.errors import ControlError
from routing.control.feed import Feed, Standing
from routing.control.shared_clock import SharedClock
from routing.control.window_bytes import decode_window
from routing.window import Window

log = logging.getLogger("sluice.rollouts")

EVERY = 0.5
# Seconds that a round waits for its workers' answers; those after which one that comes late is not waited for either.
ROUND, PATIENCE = 0.4, 10.0
# Windows that wait for a control Redis that is away: a minute of eight workers.
WAITING = 1_000


class Teller:
    """`name` is the gateway's, one of its kind."""

    def __init__(
        self, name: str, feed: Feed, follower: Follower, tables: Tables, workers: Workers, series: SeriesFile
    ) -> None:
        self._name = name
        self._feed = feed
        self._clock = SharedClock(feed)
        self._alignment = Alignment(self._clock)
        self._follower = follower
        self._tables = tables
        self._workers = workers
        self._waiting: deque[tuple[str, Window]] = deque()
        self._lost = series.counter(metrics.WINDOWS_LOST)
        self._last: dict[WorkerProcess, dict[str, Window]] = {}
        self._asking: set[asyncio.Task[list[WorkerStanding]]] = set()

    async def run(self) -> None:
        """Tell until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self.tell()
            except ControlError:
                pass  # whoever follows has said so
            except Exception:  # supervised: a defect here must not end the gateway, nor the telling
                log.exception("a judge cannot be told")
            try:
                async with asyncio.timeout(max(0.0, began + EVERY - loop.time())):
                    await self._follower.moved.wait()
            except TimeoutError:
                continue

    async def tell(self) -> None:
        """Tell once. Raises `ControlError`."""
        self._follower.moved.clear()
        if not self._clock.looked:
            with suppress(ControlError):
                await self._clock.look()
        leases = self._follower.leases()
        workers = self._workers.ready
        asking = [asyncio.create_task(self._ask(worker, leases), name="hear a worker") for worker in workers]
        self._asking |= set(asking)
        for task in asking:
            task.add_done_callback(self._asking.discard)
        if asking:
            await asyncio.wait(asking, timeout=ROUND)
        standings = [task.result() if task.done() else [] for task in asking]
        self._end_the_dead()
        await self._send()
        await self._clock.look()
        for name in list(self._tables.current):
            await self._feed.report(name, self._name, self._standing(name, standings))

    async def _ask(self, worker: WorkerProcess, leases: dict[str, float]) -> list[WorkerStanding]:
        """Return what the worker serves; what it has found out is kept, however late it says so."""
        try:
            answer = await worker.ask(lambda number: Hear(number, leases), PATIENCE)
        except (WorkerGone, TimeoutError):
            return []
        for noted in answer.noted if self._clock.looked else ():  # by which clock nobody could say
            window = self._alignment.aligned(decode_window(noted.window))
            self._last.setdefault(worker, {})[noted.rollout] = window
            self._wait(noted.rollout, window)
        return answer.standings

    def _end_the_dead(self) -> None:
        """Say of workers that have ended that nothing more of them is to be awaited."""
        for worker in [one for one in self._last if not one.running]:
            for rollout, window in self._last.pop(worker).items():
                number, until = window.sequence + 1, window.settled_until
                self._alignment.forget(window.worker)
                self._wait(rollout, Window(window.worker, number, self._clock(), until, window.step, last=True))

    def _wait(self, rollout: str, window: Window) -> None:
        if len(self._waiting) >= WAITING:
            self._waiting.popleft()
            self._lost.add()
        self._waiting.append((rollout, window))

    async def _send(self) -> None:
        while self._waiting:
            await self._feed.send(*self._waiting[0])
            self._waiting.popleft()

    def _standing(self, name: str, workers: Sequence[Sequence[WorkerStanding]]) -> Standing:
        """How the gateway stands: with a table only when every worker that takes calls has all of its arms ready."""
        served = self._tables.current[name]
        number = served.table.number
        trouble = self._follower.troubles.get(name)
        declared = served.declared()
        rollout = self._follower.rollouts.get(name)
        meant = {served.table.champion} | ({rollout.candidate} if rollout is not None else set())
        return Standing(
            table=number if workers and all(_serves(name, number, meant, one) for one in workers) else 0,
            at=self._clock(),
            refused=trouble.table if trouble and trouble.given_up else 0,
            trouble=trouble.reason if trouble else "",
            rollout=served.part.rollout if served.part else "",
            champion=served.table.champion,
            champion_digest=served.digests[served.table.champion],
            policy=declared.policy_digest,
            rules=declared.rollout_digest,
            taken_out=self._follower.taken_out(name),
            lapsed=any(
                arm.lapsed for worker in workers for one in worker if one.deployment == name for arm in one.arms
            ),
        )


def _serves(name: str, number: int, meant: Collection[str], standings: Iterable[WorkerStanding]) -> bool:
    """Whether a worker has that table with the bundles that are `meant` ready: others' troubles are no rollout's."""
    ours = [one for one in standings if one.deployment == name]
    return any(
        one.number == number and not any(arm.trouble for arm in one.arms if arm.version in meant) for one in ours
    )
