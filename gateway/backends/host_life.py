"""One life of a lane host: from its process's start to the moment when it is known to be dead, and how it died.

No thread and no waiting: a wake-up of the event loop a run, by the doorbell, and one in the end, by the process's own
descriptor. What comes over the doorbell is believed only where it fits what was asked.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gateway.backends.backend import Away, BackendError, Timed, Unfit
from gateway.backends.host_child import Child
from gateway.backends.host_death import Death, Reason, of_status
from gateway.backends.host_toll import OWN, waited_of
from gateway.backends.host_vigil import Vigil
from gateway.backends.settings import HostSettings
from gateway.host.bell import LONGEST, Answer, Request, Said, pack_request, read_answer
from gateway.host.slots import Slots
from gateway.host.tensor_slots import Nonsense, NoRoom, TensorSlots
from monitoring.series import Gauge

_RAISED = {Said.RAISED: BackendError, Said.UNFIT: Unfit}
_SAID_LAST = {Said.CANNOT_LOAD: Reason.LOAD, Said.OUT_OF_MEMORY: Reason.MEMORY}


@dataclass(frozen=True, slots=True)
class InFlight:
    """A run that the host has been asked for. Its slot is taken until the host answers, whoever still waits."""

    sequence: int
    model: int
    rows: int
    result: "asyncio.Future[Timed]"


def _settle(run: InFlight, answer: Answer, slots: Slots | TensorSlots) -> None:
    """Tell who waits, if anybody does. Raises `Nonsense`."""
    if run.result.done():
        return
    if answer.said is Said.SCORED:
        run.result.set_result(Timed(slots.scores(answer.slot, run.rows), answer.took * 1e-9))
    else:
        run.result.set_exception(_RAISED[answer.said](answer.text))


class HostLife:
    """Talks with one child until that is dead. `busy` shows how many slots are taken."""

    def __init__(self, child: Child, settings: HostSettings, busy: Gauge) -> None:
        self._child = child
        self._busy = busy
        self._loop = asyncio.get_running_loop()
        self._ready = False
        self._death: Death | None = None
        self._loaded, self._over = asyncio.Event(), asyncio.Event()
        self._runs: dict[int, InFlight] = {}
        self._free = list(range(settings.slots))
        self._sequence = 0
        self._patience = settings.patience
        self._vigil = Vigil(settings.patience)
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(child.exit, self._on_exit)
        self._loop.add_reader(child.bell.fileno(), self._hear)

    async def loaded(self) -> bool:
        """Return, when that is known, whether the host has loaded its models."""
        await self._loaded.wait()
        return self._ready

    async def over(self) -> Death:
        """Return how it died, when it has: nothing is held any more."""
        await self._over.wait()
        return self._cause()

    def ask(self, model: int, rows: NDArray[Any]) -> "asyncio.Future[Timed]":
        """Start a run; see `Asker`."""
        if self._death is not None:
            raise Away(f"the lane host is gone: {self._death.text}")
        if not self._free:
            raise Away(f"the lane host is busy: {len(self._runs)} runs are in flight")
        now = self._loop.time()
        if not self._runs:
            self._vigil.woke(now)
        slot, count = self._free.pop(), len(rows)
        self._sequence += 1
        run = InFlight(self._sequence, model, count, self._loop.create_future())
        try:
            self._child.slots.put_rows(slot, rows)
            self._child.bell.send(pack_request(Request(self._sequence, model, slot, count)))
        except NoRoom as exc:
            self._free.append(slot)
            raise Away(f"the lane host cannot be asked: {exc}") from exc
        except OSError as exc:
            self._free.append(slot)
            raise Away(f"the lane host cannot be reached: {exc}") from exc
        self._runs[slot] = run
        self._busy.set(len(self._runs))
        if self._timer is None:
            self._timer = self._loop.call_later(self._vigil.left(now), self._check)
        return run.result

    def waited(self) -> float:
        """Return for how many seconds it has waited for a processor so far."""
        return waited_of(self._child.process.pid)

    def kill(self, death: Death) -> None:
        """End it now, for that reason, unless there is one already."""
        if self._death is None:
            self._death = death
        if not self._over.is_set():
            self._child.process.kill()

    def _hear(self) -> bool:
        """Take one frame that the host has sent; False when there is none."""
        try:
            frame = self._child.bell.recv(LONGEST)
        except BlockingIOError:
            return False
        except OSError:
            frame = b""
        if not frame:
            self._hang_up()
            return False
        answer = read_answer(frame)
        if self._death is None and not (answer is not None and self._believe(answer)):
            self.kill(Death(Reason.NONSENSE, "it said what nobody had asked for"))
        return True

    def _hang_up(self) -> None:
        """It has closed its side, as every dying process does; one that lives on is killed."""
        self._loop.remove_reader(self._child.bell.fileno())
        if self._timer is not None:
            self._timer.cancel()
        death = Death(Reason.STUCK, "it closed its doorbell and stayed")
        self._timer = self._loop.call_later(self._patience, self.kill, death)

    def _believe(self, answer: Answer) -> bool:
        """Act on what the host says; False when it cannot be true."""
        if answer.said in _SAID_LAST:
            self.kill(Death(_SAID_LAST[answer.said], answer.text))
            return True
        if answer.said is Said.READY:
            first, self._ready = not self._ready, True
            self._loaded.set()
            return first
        run = self._runs.get(answer.slot)
        if run is None or run.sequence != answer.sequence or run.rows != answer.rows:
            return False
        self._vigil.woke(self._loop.time())
        try:
            _settle(run, answer, self._child.slots)
        except Nonsense as exc:
            self.kill(Death(Reason.NONSENSE, f"its answer is none: {exc}"))
            return True
        del self._runs[answer.slot]
        self._free.append(answer.slot)
        self._busy.set(len(self._runs))
        return True

    def _check(self) -> None:
        """Look after the host, but hear first what it has said while this process itself was held up."""
        self._timer = None
        while self._runs and self._death is None and self._hear():
            pass
        if not self._runs or self._death is not None:
            return
        left = self._vigil.left(self._loop.time())
        if left > 0:
            self._timer = self._loop.call_later(left, self._check)
        else:
            self.kill(Death(Reason.STUCK, f"it was stuck, with {len(self._runs)} runs in flight"))

    def _on_exit(self) -> None:
        """The process is dead: say so to whoever waits, and let everything go."""
        while self._hear():
            pass
        self._loop.remove_reader(self._child.exit)
        self._loop.remove_reader(self._child.bell.fileno())
        if self._timer is not None:
            self._timer.cancel()
        waited = self.waited()  # before it is reaped, and gone
        status = self._child.reap()
        death = self._death or of_status(status, idle=self._ready and not self._runs)
        busy_with = next((run.model for run in self._runs.values()), OWN)  # it takes one after the other
        self._death = death._replace(model=busy_with, waited=waited)
        for run in self._runs.values():
            if not run.result.done():
                run.result.set_exception(Away(f"the lane host died: {self._death.text}"))
        self._runs.clear()
        self._busy.set(0.0)
        self._loaded.set()
        self._over.set()

    def _cause(self) -> Death:
        if self._death is None:
            raise RuntimeError("it still lives")
        return self._death
