"""The door: takes calls from the fronts, refuses what must be refused before work, and hands over lists.

Whatever has arrived when the event loop comes round goes as one list; nobody waits for a list to fill, and an idle
worker carries lists of one. At most `lists` lists of a deployment are on their way at once: while they wait for the
feature store, the next ones gather, which is what makes the lists long when there is much to do.
"""

import asyncio
import logging
from collections.abc import Callable

from gateway.call import Call
from gateway.description import Description
from gateway.errors import DeadlineExceeded, DeploymentNotFound, GatewayError, InternalError, Overloaded
from gateway.intake import Intake, Row
from gateway.line import Line

log = logging.getLogger("sluice.admission")

# How much the newest list counts in the estimate of what a list takes.
SMOOTHING = 0.2
# Rows of one list, so that one caller's many rows set nobody else's latency.
LIST_ROWS = 64


class Entrance:
    """One deployment's own entrance: its waiting calls, and the lists of it that are on their way."""

    def __init__(self, line: Line, intake: Intake, clock: Callable[[], float], lists: int, waiting_limit: int) -> None:
        self.line = line
        self._intake = intake
        self._clock = clock
        self._lists = lists
        self._waiting_limit = waiting_limit
        self._waiting: list[Call] = []
        self._carried = 0.0  # seconds that a list takes, smoothed over the last few
        self._scheduled = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    def take(self, call: Call) -> None:
        """Let the call wait for the next list, or refuse it."""
        limit = call.received + self.line.deployment.budget
        if limit < call.deadline:
            call.deadline = limit
        if len(self._waiting) >= self._waiting_limit:
            self._refuse(call, Overloaded("too many calls are waiting; try again later"))
            return
        self._waiting.append(call)
        if not self._scheduled and len(self._tasks) < self._lists:
            self._scheduled = True
            self._loop.call_soon(self._start)

    async def drain(self) -> None:
        """Return when every call taken so far has been answered."""
        while self._waiting or self._tasks:
            await asyncio.sleep(0) if not self._tasks else await asyncio.wait(self._tasks)

    def _start(self) -> None:
        self._scheduled = False
        while self._waiting and len(self._tasks) < self._lists:
            calls, self._waiting = self._waiting[:LIST_ROWS], self._waiting[LIST_ROWS:]
            rows = self._admit(calls)
            if rows:
                task = self._loop.create_task(self._carry(rows))
                self._tasks.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._waiting and not self._scheduled:
            self._start()

    def _admit(self, calls: list[Call]) -> list[Row]:
        now, rows = self._clock(), []
        for call in calls:
            try:
                if call.deadline <= now:
                    raise DeadlineExceeded("the deadline had passed before work began")
                # What has queued, and cannot be answered in time any more, is not begun: its work would be taken from
                # calls that can, and once all of them queue too long, nothing would ever be in time again.
                if call.deadline - now < self._carried <= now - call.received:
                    raise DeadlineExceeded("what was left of the deadline would not have sufficed")
                rows.append(self._intake.read(call))
            except GatewayError as exc:
                self._refuse(call, exc)
            except Exception:  # supervised: a defect costs this call an INTERNAL, and its neighbours nothing
                log.exception("a call could not be read", extra={"deployment": call.deployment})
                self._refuse(call, InternalError("the gateway failed; its log says why"))
        return rows

    def _refuse(self, call: Call, error: GatewayError) -> None:
        call.reply(error)
        self.line.count_refusal(error)

    async def _carry(self, rows: list[Row]) -> None:
        began = self._clock()
        try:
            await self.line.serve(rows)
        except Exception:  # supervised: a defect costs its own list an INTERNAL, and is logged
            log.exception("a list failed", extra={"deployment": self.line.deployment.name, "rows": len(rows)})
            for row in rows:
                self.line.refuse(row, InternalError("the gateway failed; its log says why"))
        finally:
            self._carried += SMOOTHING * (self._clock() - began - self._carried)


class Admission:
    """Every deployment's entrance by name: what the fronts know of the gateway (`fronts.door.Door`)."""

    def __init__(self, entrances: dict[str, Entrance], descriptions: dict[str, Description]) -> None:
        self._entrances = entrances
        self._descriptions = descriptions
        self._draining = False

    def submit(self, call: Call) -> None:
        """Take a call; its `reply` is called exactly once. Never raises, never blocks."""
        entrance = self._entrances.get(call.deployment)
        if entrance is None:
            call.reply(self._unknown(call.deployment))
        else:
            entrance.take(call)

    def describe(self, name: str) -> Description:
        """Return what a deployment wants and who answers it. Raises `DeploymentNotFound`."""
        description = self._descriptions.get(name)
        if description is None:
            raise self._unknown(name)
        return description

    def names(self) -> tuple[str, ...]:
        """Return the names of the deployments, sorted."""
        return tuple(sorted(self._entrances))

    def ready(self) -> bool:
        """Return False from the moment that draining begins."""
        return not self._draining

    def stop(self) -> None:
        """Begin to drain: readiness turns, but what still comes is answered."""
        self._draining = True

    async def close(self) -> None:
        """Answer everything that was taken, then close the lines."""
        self.stop()
        for entrance in self._entrances.values():
            await entrance.drain()
            await entrance.line.close()

    def _unknown(self, name: str) -> DeploymentNotFound:
        return DeploymentNotFound(f"no deployment {name!r:.80}; served are {', '.join(self.names())}")
