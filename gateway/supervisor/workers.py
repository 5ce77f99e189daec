"""The supervisor's workers: started, started anew when one has died or hangs, and drained all in the end.

The supervisor binds the sockets and serves `/metrics` for everybody; it answers no prediction itself, so nothing that
a request does can take it down. Workers are started fresh rather than forked: threads of the runtime libraries do not
survive a fork.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.config import ServeConfig
from gateway.messages import Tell
from gateway.served import Served
from gateway.supervisor.listeners import Listeners
from gateway.supervisor.spares import Spares
from gateway.supervisor.worker_process import WorkerGone, WorkerProcess, spawn

log = logging.getLogger("sluice.workers")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
# Seconds from one look at a worker to the next, and those that one may take to load everything and take calls.
BEAT, START_PATIENCE = 1.0, 300.0


class StartFailed(RuntimeError):
    """A worker ended before it was ready for the first time; its own last line says why."""


class Workers:
    """Keeps `config.workers` processes running until told to stop. `served` says what a new one is to serve."""

    def __init__(
        self, config: ServeConfig, listeners: Listeners, spares: Spares, served: Callable[[], Sequence[Served]]
    ) -> None:
        self._config = config
        self._listeners = listeners
        self._served = served
        self._workers: dict[int, WorkerProcess] = {}
        self._spares = spares
        self.started = False
        """Whether all workers have been ready once."""

    @property
    def all(self) -> list[WorkerProcess]:
        """Every worker that was started last in its slot, also one that is not ready, or not any more."""
        return [self._workers[slot] for slot in sorted(self._workers)]

    @property
    def ready(self) -> list[WorkerProcess]:
        """Those that take calls."""
        return [worker for worker in self.all if worker.ready]

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Run until `stop` is set, then drain. `ready` is called once, when every worker is. Raises `StartFailed`."""
        slots = range(self._config.workers)
        try:
            started = await asyncio.gather(*(self._start(slot) for slot in slots))
            if not all(started):
                raise StartFailed("a worker did not start")
            self.started = True
            ready()
            self._spares.refill()
            keepers = [asyncio.create_task(self._keep(slot), name=f"keep worker {slot}") for slot in slots]
            await stop.wait()
            for keeper in keepers:
                keeper.cancel()
        finally:
            await self._drain()

    async def _start(self, slot: int) -> bool:
        """Start a worker; return whether it became ready. Raises `OSError` when no process can be made."""
        config = _at_once(self._config) if self.started else self._config
        worker = await spawn(slot, config, self._listeners, self._served(), self._spares.take())
        self._workers[slot] = worker
        try:
            async with asyncio.timeout(START_PATIENCE):
                ready = await worker.wait_ready()
        except TimeoutError:
            log.error("worker does not become ready and is killed", extra={"slot": slot, "pid": worker.pid})
            worker.kill()
            ready = False
        if not ready:
            await worker.wait()
        elif list(worker.served) != list(self._served()):
            log.info("a table was replaced while a worker started: once more", extra={"slot": slot})
            worker.retire()
        return ready

    async def _keep(self, slot: int) -> None:
        """Start the worker anew whenever it has ended, at longer and longer pauses while it does not become ready."""
        pause = FIRST_PAUSE
        while True:
            worker = self._workers[slot]
            watch = asyncio.create_task(self._watch(worker), name=f"watch worker {slot}")
            code = await worker.wait()
            watch.cancel()
            log.error("worker ended, starting it anew", extra={"slot": slot, "exit_code": code, "pause_s": pause})
            await asyncio.sleep(pause)
            try:
                started = await self._start(slot)
            except OSError:
                log.exception("no worker can be started, trying again", extra={"slot": slot})
                started = False
            self._spares.refill()
            pause = FIRST_PAUSE if started else min(2 * pause, LONGEST_PAUSE)

    async def _watch(self, worker: WorkerProcess) -> None:
        """Kill the worker when it has said nothing for as long as the patience lasts.

        What is counted is questions without any answer, a beat each, and not the clock's time: after the whole machine
        was suspended, everybody has been silent for hours and nobody is to blame.
        """
        silent, patience = 0.0, self._config.worker_patience
        while silent < patience:
            heard = worker.heard
            try:
                await worker.ask(Tell, BEAT)
                await asyncio.sleep(BEAT)
            except TimeoutError:
                pass
            except WorkerGone:
                await asyncio.sleep(BEAT)
            silent = 0.0 if worker.heard > heard else silent + BEAT
        extra = {"slot": worker.slot, "pid": worker.pid, "patience_s": patience}
        log.error("worker does not answer and is killed", extra=extra)
        worker.kill()

    async def _drain(self) -> None:
        await self._spares.close()  # before: a copy of the listening sockets is a copy
        running = [worker for worker in self.all if worker.running]
        for worker in running:
            worker.send_signal(signal.SIGTERM)
        # At once: with the workers' copies gone too, new connections are refused and not left waiting.
        self._listeners.close()
        waits = {asyncio.create_task(worker.wait()): worker for worker in running}
        if not waits:
            return
        _, late = await asyncio.wait(waits, timeout=self._config.grace + 2.0)
        if late:
            log.error("workers did not drain in time and are killed", extra={"count": len(late)})
        for worker in running:
            worker.kill()
        await asyncio.wait(waits)
        for task, worker in waits.items():
            if task.result():
                log.error("worker did not drain", extra={"slot": worker.slot, "exit_code": task.result()})


def _at_once(config: ServeConfig) -> ServeConfig:
    """A worker that replaces a dead one takes calls without waiting for its lane hosts: the champion can stand in."""
    return replace(config, seats=replace(config.seats, wait=0.0))
