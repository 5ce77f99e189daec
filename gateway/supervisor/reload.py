"""`sluice reload` as the supervisor does it: reads what is declared, applies what has changed, and makes sure of it."""

import asyncio
from collections.abc import Collection
from functools import partial

from gateway.background import in_background
from gateway.clock import replay_offsets
from gateway.config import ServeConfig
from gateway.messages import Tell
from gateway.served import Served
from gateway.supervisor.choice import choose
from gateway.supervisor.declarations import Declared, Found, read_declarations
from gateway.supervisor.kept_values import kept_values_complaint
from gateway.supervisor.tables import Tables
from gateway.supervisor.turning import Say, Turning
from gateway.supervisor.worker_process import WorkerGone, WorkerProcess
from gateway.supervisor.workers import BEAT, Workers

LOOK_AGAIN = 0.05


class Reloader:
    """One reload at a time."""

    def __init__(self, config: ServeConfig, tables: Tables, workers: Workers, turning: Turning) -> None:
        self._config = config
        self._tables = tables
        self._workers = workers
        self._turning = turning
        self._lock = asyncio.Lock()

    async def reload(self, forget: Collection[str], patience: float, say: Say) -> bool:
        """Return whether every worker now serves what is declared. `say` gets what is worth telling, as it happens."""
        if self._lock.locked() or not self._workers.started:
            say("a reload is under way already, or the gateway still starts: try again when it is done")
            return False
        async with self._lock:
            found = await in_background(partial(read_declarations, self._config.models, self._config.bundles))
            self._tables.complain_only_of({*found, *self._tables.current})
            reasons = []
            for name in sorted({*found, *self._tables.current, *forget}):
                reason = await self._one(name, found.get(name), name in forget, patience, say)
                if name in found or name in self._tables.current:
                    self._tables.complain(name, reason)
                if reason:
                    say(f"{name}: {self._goes_on(name)}: {reason}")
                    reasons.append(reason)
            if complaint := await kept_values_complaint(self._config.redis_url, self._tables.served()):
                say(complaint)
            return await self._agree(patience, say) and not reasons

    async def _one(self, name: str, found: Found | None, forget: bool, patience: float, say: Say) -> str:
        last = self._tables.current.get(name)
        if forget:
            return await self._end(name, found, last, say)
        choice = choose(name, found, last, _offset(name, found, last))
        if choice.complaint or choice.served is None:
            return choice.complaint
        if choice.served == last:
            say(f"{name}: table {last.table.number}, unchanged")
            return ""
        say(f"{name}: loading table {choice.served.table.number}")
        return await self._turning.apply(choice.served, last, patience, say)

    async def _end(self, name: str, found: Found | None, last: Served | None, say: Say) -> str:
        if found is not None:
            return "is still declared: remove its directory's deployment.yaml, then forget it"
        if last is None:
            return "is not served, so there is nothing to forget"
        await self._turning.end(name)
        say(f"{name}: is served no longer")
        return ""

    def _goes_on(self, name: str) -> str:
        last = self._tables.current.get(name)
        return "is not served" if last is None else f"goes on with table {last.table.number}"

    async def _agree(self, patience: float, say: Say) -> bool:
        """Wait until every worker serves the current tables, and see to it that each will."""
        try:
            async with asyncio.timeout(patience):
                while not all(await asyncio.gather(*map(self._obeys, self._workers.all))):  # noqa: ASYNC110  # other processes
                    await asyncio.sleep(LOOK_AGAIN)
        except TimeoutError:
            say(f"not every worker serves the current tables after {patience:g} s: `sluice status` says which")
            return False
        return True

    async def _obeys(self, worker: WorkerProcess) -> bool:
        if not worker.ready:
            return False
        try:
            told = await worker.ask(Tell, BEAT)
        except (WorkerGone, TimeoutError):
            return False
        if {one.deployment: one.number for one in told.standings} == self._tables.numbers():
            return True
        worker.retire()  # the next one in its slot starts with what is current
        return False


def _offset(name: str, found: Found | None, last: Served | None) -> float | None:
    """A replay that runs goes on as it does; a new one begins where its data end."""
    if last is not None and last.offset:
        return last.offset
    return replay_offsets({name: found.newest_event})[name] if isinstance(found, Declared) else None
