"""One worker as the supervisor has it: its process, the orders that it was given, and what it said of them."""

import asyncio
import itertools
import logging
import signal
import time
from collections.abc import Callable, Iterable, Sequence

from gateway.config import ServeConfig
from gateway.messages import Done, MessageError, Order, Ready, Start
from gateway.served import Served
from gateway.supervisor.launch import WORKER, Launched, launch
from gateway.supervisor.listeners import Listeners

log = logging.getLogger("sluice.workers")


class WorkerGone(RuntimeError):
    """The worker ended before it had carried out its order."""


class WorkerProcess:
    """A process that was told to be a worker. `served` is what it was started with, `since` when, in unix seconds."""

    def __init__(self, launched: Launched, slot: int, config: ServeConfig, served: Sequence[Served]) -> None:
        self.slot = slot
        self.served = served
        self.since = time.time()
        self.ready = False
        self.heard = 0
        """How many messages have come from it: proof that it is alive."""
        self._process = launched.process
        self._channel = launched.channel
        self._channel.send(Start(slot, config, list(served)))
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Done]] = {}
        self._became_ready = asyncio.Event()
        self._listening = asyncio.create_task(self._listen(), name=f"listen to worker {slot}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process has not ended."""
        return self._process.returncode is None

    async def wait_ready(self) -> bool:
        """Return True when it takes calls, False when it has ended instead."""
        await self._became_ready.wait()
        return self.ready

    async def ask(self, order: Callable[[int], Order], patience: float) -> Done:
        """Give an order, return what came of it. Raises `WorkerGone`, and `TimeoutError` after `patience` seconds."""
        if self._listening.done():
            raise WorkerGone(f"worker {self.slot} has ended")
        number = next(self._ids)
        future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            self._channel.send(order(number))
            async with asyncio.timeout(patience):
                return await future
        finally:
            del self._asked[number]

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.running:
            self._process.send_signal(number)

    def retire(self) -> None:
        """Have it answer what it has accepted, and end: another is to take its place."""
        self.ready = False
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once; a stopped process dies of this too."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Return its exit status when it has ended."""
        code = await self._process.wait()
        self._listening.cancel()  # a child of its own may still hold the other end
        await asyncio.wait([self._listening])
        return code

    def _settle(self, done: Done) -> None:
        future = self._asked.get(done.id)
        if future is not None and not future.done():
            future.set_result(done)

    async def _listen(self) -> None:
        try:
            while (report := await self._channel.receive()) is not None:
                self.heard += 1
                if isinstance(report, Ready):
                    self.ready = True
                    self._became_ready.set()
                elif isinstance(report, Done):
                    self._settle(report)
        except MessageError:
            log.exception("a worker talks nonsense and is killed", extra={"slot": self.slot, "pid": self.pid})
            self.kill()
        finally:
            self._channel.close()
            self.ready = False
            self._became_ready.set()
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(WorkerGone(f"worker {self.slot} ended meanwhile"))


async def spawn(
    slot: int, config: ServeConfig, listeners: Listeners, served: Iterable[Served], spare: Launched | None = None
) -> WorkerProcess:
    """Start a worker in `slot`, from a spare one if there is one. Raises `OSError`: no room for another process."""
    return WorkerProcess(spare or await launch(WORKER, listeners), slot, config, tuple(served))
