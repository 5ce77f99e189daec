"""What `sluice status` tells: the workers, the tables, and which worker serves which."""

import os
import time

import msgspec

from gateway.messages import Standing, Tell
from gateway.served import Served
from gateway.supervisor.tables import Tables
from gateway.supervisor.worker_process import WorkerGone, WorkerProcess
from gateway.supervisor.workers import BEAT, Workers


class TableState(msgspec.Struct, frozen=True):
    """The table that every worker should serve; `complaint` says why it is not what is declared."""

    deployment: str
    number: int
    complaint: str = ""
    rollout: str = ""
    """Whose table it is, where a rollout has made it and no `deployment.yaml`."""
    runs: bool = False
    """Whether that rollout is still under way."""


class WorkerState(msgspec.Struct, frozen=True):
    """One worker: `ready`, `starting`, `silent` (it has not said what it serves within a second) or `ended`."""

    slot: int
    pid: int
    since: float
    state: str
    standings: list[Standing] = []


class GatewayState(msgspec.Struct, frozen=True):
    """Everything. `since` is in unix seconds."""

    pid: int
    since: float
    tables: list[TableState]
    workers: list[WorkerState]


class Watcher:
    """Asks around."""

    def __init__(self, tables: Tables, workers: Workers) -> None:
        self._tables = tables
        self._workers = workers
        self._since = time.time()

    async def look(self) -> GatewayState:
        """Return the state as it is now."""
        numbers, complaints = self._tables.numbers(), self._tables.complaints
        tables = [
            _table(name, numbers.get(name, 0), complaints.get(name, ""), self._tables.current.get(name))
            for name in sorted({*numbers, *complaints})
        ]
        workers = [await _look_at(worker) for worker in self._workers.all]
        return GatewayState(os.getpid(), self._since, tables, workers)


def _table(name: str, number: int, complaint: str, served: Served | None) -> TableState:
    part = None if served is None else served.part
    if part is None:
        return TableState(name, number, complaint)
    return TableState(name, number, complaint, part.rollout, not part.over)


async def _look_at(worker: WorkerProcess) -> WorkerState:
    standings: list[Standing] = []
    state = "starting" if worker.running else "ended"
    if worker.ready:
        try:
            standings = (await worker.ask(Tell, BEAT)).standings
            state = "ready"
        except TimeoutError:
            state = "silent"
        except WorkerGone:
            state = "ended"
    return WorkerState(worker.slot, worker.pid, worker.since, state, standings)
