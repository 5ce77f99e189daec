"""Turns all workers to another table of a deployment: every one of them, or none.

First each worker makes the new line ready beside the present one. Only when all have, and so have proved that they
can, the table is adopted and they turn. A worker that dies at it has not proved anything.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable

from gateway.messages import Drop, Load, Remove, Turn
from gateway.served import Served
from gateway.supervisor.tables import Tables
from gateway.supervisor.worker_process import WorkerGone, WorkerProcess
from gateway.supervisor.workers import Workers

Say = Callable[[str], None]

# Seconds for orders that wait for nothing.
PROMPT = 10.0


class Turning:
    """Applies a table, whoever has made it."""

    def __init__(self, workers: Workers, tables: Tables) -> None:
        self._workers = workers
        self._tables = tables
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def apply(self, served: Served, instead_of: Served | None, patience: float, say: Say) -> str:
        """Serve this from now on; return an empty string, or why all goes on as before.

        `instead_of` is what was served when it was decided. Who cancels it while workers load changes nothing.
        """
        name = served.name
        async with self._locks[name]:
            if self._tables.current.get(name) != instead_of:
                return "another table has come meanwhile"
            workers = self._workers.ready
            try:
                reasons = await asyncio.gather(*(self._load(worker, served, patience, say) for worker in workers))
            except asyncio.CancelledError:
                await asyncio.shield(self._tell_all(workers, lambda number: Drop(number, name)))
                raise
            if failed := [reason for reason in reasons if reason]:
                await self._tell_all(workers, lambda number: Drop(number, name))
                return failed[0]
            await asyncio.shield(self._turn(served, workers))
        return ""

    async def _turn(self, served: Served, workers: list[WorkerProcess]) -> None:
        await asyncio.to_thread(self._tables.adopt, served)
        # Workers that began to start before this line come up with the former table, and are started once more.
        await self._tell_all(workers, lambda number: Turn(number, served.name))

    async def end(self, name: str) -> None:
        """Serve the deployment no longer."""
        self._tables.forget(name)
        await self._tell_all(self._workers.ready, lambda number: Remove(number, name))

    async def _load(self, worker: WorkerProcess, served: Served, patience: float, say: Say) -> str:
        began = time.monotonic()
        try:
            done = await worker.ask(lambda number: Load(number, served), patience)
        except WorkerGone:
            return f"worker {worker.slot} (pid {worker.pid}) ended while it loaded"
        except TimeoutError:
            return f"worker {worker.slot} has not loaded it within {patience:g} s"
        if done.error:
            return f"worker {worker.slot}: {done.error}"
        say(
            f"{served.name}: worker {worker.slot} is ready for table {served.table.number} "
            f"({time.monotonic() - began:.1f} s)"
        )
        return ""

    async def _tell_all(self, workers: list[WorkerProcess], order: Callable[[int], Drop | Turn | Remove]) -> None:
        """Give an order that cannot fail, but by the worker's end: then the next one comes up with what is current."""
        await asyncio.gather(*(worker.ask(order, PROMPT) for worker in workers), return_exceptions=True)
