"""The supervisor: starts the worker processes, starts a dead one anew, and drains them all in the end.

It binds the sockets and serves `/metrics` for everybody; it answers no prediction itself, so nothing that a request
does can take it down. Workers are started fresh rather than forked: threads of the runtime libraries do not survive
a fork.
"""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable

from gateway.config import ServeConfig
from gateway.listeners import Listeners

log = logging.getLogger("sluice.workers")

READY = b"ready\n"
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


class StartFailed(RuntimeError):
    """A worker ended before it was ready for the first time; its own last line says why."""


class Workers:
    """Keeps `config.workers` processes running until told to stop."""

    def __init__(self, config: ServeConfig, listeners: Listeners) -> None:
        self._config = config
        self._listeners = listeners
        self._processes: dict[int, Process] = {}
        self._stopping = False

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Run until `stop` is set, then drain. `ready` is called once, when every worker is. Raises `StartFailed`."""
        slots = range(self._config.workers)
        try:
            started = await asyncio.gather(*(self._start(slot) for slot in slots))
            if not all(started):
                raise StartFailed("a worker did not start")
            ready()
            keepers = [asyncio.create_task(self._keep(slot), name=f"keep worker {slot}") for slot in slots]
            await stop.wait()
            for keeper in keepers:
                keeper.cancel()
        finally:
            await self._drain()

    async def _start(self, slot: int) -> bool:
        """Start a worker; return whether it became ready."""
        fds = (self._listeners.grpc.fileno(), self._listeners.http.fileno())
        command = [sys.executable, "-m", "gateway.worker", str(slot), *map(str, fds)]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, pass_fds=fds, start_new_session=True, env=_environment()
        )
        self._processes[slot] = process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the pipes to the worker are missing")
        process.stdin.write(self._config.to_json())
        process.stdin.close()
        if await process.stdout.readline() == READY:
            return True
        await process.wait()
        return False

    async def _keep(self, slot: int) -> None:
        """Start the worker anew whenever it has ended, at longer and longer pauses while it does not become ready."""
        pause = FIRST_PAUSE
        while True:
            code = await self._processes[slot].wait()
            log.error("worker ended, starting it anew", extra={"slot": slot, "exit_code": code, "pause_s": pause})
            await asyncio.sleep(pause)
            pause = FIRST_PAUSE if await self._start(slot) else min(2 * pause, LONGEST_PAUSE)

    async def _drain(self) -> None:
        running = [process for process in self._processes.values() if process.returncode is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        # At once: with the workers' copies gone too, new connections are refused and not left waiting.
        self._listeners.close()
        waits = [asyncio.create_task(process.wait()) for process in running]
        if not waits:
            return
        _, late = await asyncio.wait(waits, timeout=self._config.grace + 2.0)
        if late:
            log.error("workers did not drain in time and are killed", extra={"count": len(late)})
        for process in running:
            if process.returncode is None:
                process.kill()
        await asyncio.wait(waits)
        for slot, process in self._processes.items():
            if process in running and process.returncode:
                log.error("worker did not drain", extra={"slot": slot, "exit_code": process.returncode})


def _environment() -> dict[str, str]:
    """One process, one core: threads of numerical libraries would only take it away from the event loop."""
    return {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")}
