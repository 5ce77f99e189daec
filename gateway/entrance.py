"""One deployment's entrance: its waiting calls, and the lists of it that are on their way.

Whatever has arrived when the event loop comes round goes as one list; nobody waits for a list to fill, and an idle
worker carries lists of one. At most `lists` lists are on their way at once: while they wait for the feature store, the
next ones gather, which is what makes the lists long when there is much to do.
"""

import asyncio
import itertools
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from math import inf

from gateway.admission import Admission
from gateway.call import Call, Priority
from gateway.errors import TOO_LITTLE_LEFT, DeadlineExceeded, GatewayError, InternalError, Overloaded
from gateway.intake import Row, RowReader
from gateway.line import Line
from gateway.loop_lag import LoopLag
from gateway.pace import Pace

log = logging.getLogger("sluice.entrance")

# Shares of the budget that divide lists by what is left to their rows: a list waits for its features no longer than
# the row with the least time can, and a caller with 5 ms must not take everybody else's features away.
HURRIED, PRESSED = 1 / 4, 1 / 16
# Seconds, up to twice as many at random, that a refused caller is asked to wait: all at once they would be a wave.
RETRY_AFTER = 0.1
# What a list takes varies: so much more than was seen of late is counted on.
CAUTION = 1.25
# So many different waits, made once: under overload a refusal costs a fair part of an answer.
REFUSALS = 64
FULL = "too many calls are waiting; try again later"
# Where runs take turns, seconds that a list is started before the one on its way is expected to end: features are read
# meanwhile. What started sooner would only wait, and leave behind whoever comes in that time.
AHEAD = 0.005
# Seconds by which uvloop's timers may come too early: it counts in milliseconds.
TICK = 0.001
# Lists on their way at once where each row has a run of its own, and whoever is asked (a Triton, say) queues them.
APART = 64
# Seconds that the event loop may be late before newcomers are asked to show that there is time for them.
UNSEEN = 0.005


class Entrance:
    """Takes calls, refuses what must be refused before work, and starts lists."""

    def __init__(
        self,
        line: Line,
        intake: RowReader,
        admission: Admission,
        clock: Callable[[], float],
        lists: int,
        waiting_limit: int,
        lag: LoopLag,
    ) -> None:
        self.line = line
        self._intake = intake
        self._admission = admission
        self._clock = clock
        self._most_lists = lists
        self._waiting_limit = waiting_limit
        self._lag = lag
        self._waiting: tuple[deque[Call], ...] = tuple(deque() for _ in Priority)
        self._carried = Pace()
        self._service = 0.0  # what a full list takes from its start to its answers, by what was seen of late
        self._scheduled = False
        self._not_before = 0.0
        self._timer: asyncio.TimerHandle | None = None  # for a start that waits for that moment
        self.refusing = False
        """Whether a call was refused for want of room since the last list started."""
        self._refusals = [Overloaded(FULL, RETRY_AFTER * (1 + part / REFUSALS)) for part in range(REFUSALS)]
        self._turns = itertools.cycle(random.Random(0).sample(range(REFUSALS), REFUSALS))
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    def take(self, call: Call) -> None:
        """Let the call wait for the next list, or refuse it."""
        limit = call.received + self.line.deployment.budget
        if limit < call.deadline:
            call.deadline = limit
        priority = call.priority
        ahead = self._ahead(priority)
        # What lists have taken of late says nothing against a call that can start at once: it is tried.
        at_once = len(self._tasks) < self._lists and self._timer is None
        quick = at_once or self._service < HURRIED * self.line.deployment.budget
        calm = quick and self._lag.seconds < UNSEEN
        short = calm and self._admission.short(ahead, priority) and ahead < self._waiting_limit
        if not (short or self._may_wait(priority, ahead, call.deadline)):
            self.refusing = True
            self._refuse(call, self._overloaded())
            return
        self._waiting[priority].append(call)
        if not self._scheduled and len(self._tasks) < self._lists:
            self._scheduled = True
            self._loop.call_soon(self._start)

    def refusal(self, priority: Priority) -> Overloaded | None:
        """Return what a call of that priority would be refused with, and count it; None if there is room.

        Ask only while `refusing`: that ends with the next list, which makes room.
        """
        if self._may_wait(priority, self._ahead(priority), inf):
            return None
        error = self._overloaded()
        self.line.count_refusal(error)
        return error

    def check(self, call: Call) -> None:
        """Raise `InvalidRequest` for a call that no list would carry."""
        self._intake.read(call)

    def turn_to(self, line: Line, intake: RowReader) -> frozenset[asyncio.Task[None]]:
        """Carry the lists to come on another line of the same deployment; return those still on their way."""
        self.line, self._intake, self._admission = line, intake, line.admission
        return frozenset(self._tasks)

    async def drain(self) -> None:
        """Return when every call taken so far has been answered."""
        while self.waiting or self._tasks:
            await asyncio.sleep(0) if not self._tasks else await asyncio.wait(self._tasks)
        await self.line.settled()

    @property
    def _lists(self) -> int:
        """How many lists may be on their way at once."""
        return self._most_lists if self.line.gathers else max(self._most_lists, APART)

    @property
    def waiting(self) -> int:
        """How many calls wait for a list."""
        return sum(map(len, self._waiting))

    def _ahead(self, priority: Priority) -> int:
        critical, default, sheddable = self._waiting
        ahead = len(critical)
        if priority:
            ahead += len(default)
        if priority is Priority.SHEDDABLE:
            ahead += len(sheddable)
        return ahead

    def _may_wait(self, priority: Priority, ahead: int, deadline: float) -> bool:
        now = self._clock()
        left, lag = deadline - now - CAUTION * self._service, self._lag.seconds
        if left <= 0.0:
            # Without a list that shows otherwise, an estimate that was once too high would refuse everybody for good.
            self._carried.doubt()
            self._service *= 0.5
            return False
        return ahead < self._waiting_limit and self._admission.admits(ahead, priority, left, lag, now)

    def _overloaded(self) -> Overloaded:
        return self._refusals[next(self._turns)]

    def _start(self) -> None:
        self._scheduled = self.refusing = False
        self._timer = None
        self._sweep(self._clock())
        while self._may_start() and (calls := self._next(self._admission.list_rows)):
            now = self._clock()
            lists = [part for rows in by_input(self._admit(calls, now)) for part in self._by_hurry(rows, now)]
            for rows in lists:
                task = self._loop.create_task(self._carry(self.line, rows))
                self._tasks.add(task)
                task.add_done_callback(self._done)
            oldest = now - min([call.received for call in calls])
            if self.line.takes_turns:
                self._not_before = now + self._carried.expect(len(calls)) - AHEAD
            self._admission.started(len(calls), oldest, self.waiting, not self._may_start(), now)
        if any(self._waiting):
            if len(self._tasks) < self._lists:
                self._scheduled = True
                self._timer = self._loop.call_later(self._not_before - self._clock(), self._start)
        elif self._may_start():
            self._admission.idle()  # also where what waited was refused, and no list's end will say so

    def _may_start(self) -> bool:
        """Whether another list can start now."""
        if not self._tasks:
            return True
        if len(self._tasks) >= self._lists:
            return False
        return not self.line.takes_turns or self._clock() >= self._not_before - TICK

    def _sweep(self, now: float) -> None:
        """Refuse what has waited too long to be answered, also where those above it take every place in the lists."""
        latest = now + self._service
        for queue in self._waiting:
            while queue and queue[0].deadline < latest and queue[0].received < now - self._service:
                self._refuse(queue.popleft(), DeadlineExceeded(TOO_LITTLE_LEFT))

    def _next(self, rows: int) -> list[Call]:
        """Take the calls of the next list out of the queues: the highest priority first, then as they came."""
        calls: list[Call] = []
        served = []
        for queue in self._waiting:
            taken = min(len(queue), rows - len(calls))
            calls.extend([queue.popleft() for _ in range(taken)])
            served.append(taken)
        self._admission.served(served)
        return calls

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._timer is not None and not self._tasks:
            self._timer.cancel()
            self._start()
            return
        if self._scheduled:
            return
        if any(self._waiting):
            self._start()
        else:
            self._admission.idle()

    def _admit(self, calls: Sequence[Call], now: float) -> list[Row]:
        rows = []
        needed = self._carried.expect(len(calls))
        for call in calls:
            if call.left():
                continue  # nobody waits for the answer any more
            try:
                if call.deadline <= now:
                    raise DeadlineExceeded("the deadline had passed before work began")
                # What has queued, and cannot be answered in time any more, is not begun: its work would be taken from
                # calls that can, and once all of them queue too long, nothing would ever be in time again.
                if call.deadline - now < needed <= now - call.received:
                    raise DeadlineExceeded(TOO_LITTLE_LEFT)
                rows.append(self._intake.read(call))
            except GatewayError as exc:
                self._refuse(call, exc)
            except Exception:  # supervised: a defect costs this call an INTERNAL, and its neighbours nothing
                log.exception("a call could not be read", extra={"deployment": call.deployment})
                self._refuse(call, InternalError())
        return rows

    def _by_hurry(self, rows: list[Row], now: float) -> list[list[Row]]:
        budget = self.line.deployment.budget
        if not rows or min([row.call.deadline for row in rows]) - now >= HURRIED * budget:
            return [rows] if rows else []
        lists: tuple[list[Row], ...] = ([], [], [])
        for row in rows:
            left = (row.call.deadline - now) / budget
            lists[(left < HURRIED) + (left < PRESSED)].append(row)
        return [rows for rows in lists if rows]

    def _refuse(self, call: Call, error: GatewayError) -> None:
        call.reply(error)
        self.line.count_refusal(error)

    async def _carry(self, line: Line, rows: list[Row]) -> None:
        began = self._clock()
        try:
            await line.serve(rows)
        except Exception:  # supervised: a defect costs its own list an INTERNAL, and is logged
            log.exception("a list failed", extra={"deployment": line.deployment.name, "rows": len(rows)})
            for row in rows:
                line.refuse(row, InternalError())
        finally:
            self._carried.observe(len(rows), self._clock() - began)
            self._service = self._carried.expect(self._admission.list_rows)


def by_input(rows: list[Row]) -> list[list[Row]]:
    """Part rows whose features are to be read from those that bring the model's whole input: no list holds both."""
    given = [row for row in rows if row.call.vector is not None]
    return [rows] if not given else [[row for row in rows if row.call.vector is None], given]
