"""Takes calls from the queue, has the line answer them, and hands in the results: one supervised task a worker.

At least once: what is in hand of a worker that dies is taken by another one, and what failed for a reason that may
pass is left for that, too. Overload alone costs a call no try: it waits here, in hand, until there is room for it.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from functools import partial

from gateway.call import Answer
from gateway.errors import DeadlineExceeded, GatewayError, InternalError, InvalidRequest, Overloaded
from gateway.fronts.door import Door
from gateway.later.job import RETRIED, ask, result_of
from gateway.later.settings import QueueSettings
from gateway.later.store import Deliveries, Delivery, QueueAway

log = logging.getLogger("sluice.queue")

TAKE_WAIT = 0.5
"""Seconds that an empty queue is waited for at a time."""
AWAY_PAUSE = 0.5
"""Seconds after which a store that was away is tried again."""
LONGEST_BACKOFF = 2.0
"""Seconds between two attempts of a call that the line has no room for."""
HOLDS = 3
"""How often a word is said of what is in hand, in the time after which others would take it."""
SPENT = "it was taken in hand {} times, and nobody has answered it: whoever had it has failed, or died"
OVER = "nobody wants the answer any more: its time was over before it could be given"

Count = Callable[[str], None]


class Consumer:
    """One worker's. `count` gets answered, failed, again, expired, dead. `wall` gives unix seconds."""

    def __init__(
        self,
        deliveries: Deliveries,
        door: Door,
        settings: QueueSettings,
        count: Count,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._deliveries = deliveries
        self._door = door
        self._settings = settings
        self._count = count
        self._clock = clock
        self._wall = wall
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._away = False

    async def run(self) -> None:
        """Take and answer until the worker drains; cancellation leaves what is in hand to others."""
        holding = asyncio.create_task(self._hold(), name="queue-hold")
        claimed = -self._settings.claim_after
        try:
            while self._door.ready():
                try:
                    if self._clock() - claimed >= self._settings.claim_after / HOLDS:
                        claimed = self._clock()
                        self._begin(await self._deliveries.claim(self._room()))
                    if self._room():
                        self._begin(await self._deliveries.take(self._room(), TAKE_WAIT))
                    self._heard()
                except QueueAway as exc:
                    self._missed(exc)
                    await asyncio.sleep(AWAY_PAUSE)
                if not self._room():
                    await asyncio.wait(self._in_hand.values(), return_when=asyncio.FIRST_COMPLETED, timeout=TAKE_WAIT)
        finally:
            holding.cancel()

    async def drain(self, patience: float) -> None:
        """Let what is in hand be answered for so many seconds; leave the rest to others."""
        tasks = list(self._in_hand.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _room(self) -> int:
        return self._settings.in_flight - len(self._in_hand)

    def _begin(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.name in self._in_hand:
                continue  # it was ours all the time, and slower than it may be
            task = asyncio.create_task(self._carry(delivery), name=f"queued {delivery.entry.result_id}")
            self._in_hand[delivery.name] = task
            task.add_done_callback(partial(self._done, delivery.name))

    def _done(self, name: str, task: asyncio.Task[None]) -> None:
        del self._in_hand[name]
        if not task.cancelled() and (failure := task.exception()) is not None:
            if isinstance(failure, QueueAway):
                self._missed(failure)
            else:  # supervised: it is tried again, and in the end lies with the dead letters
                log.error("a queued call could not be carried", exc_info=failure)

    async def _carry(self, delivery: Delivery) -> None:
        if delivery.times > self._settings.tries:
            await self._settle(delivery, InternalError(SPENT.format(delivery.times - 1)), "dead")
            return
        outcome = await self._outcome(delivery)
        if outcome is None:
            await self._settle(delivery, DeadlineExceeded(OVER), "expired")
        elif isinstance(outcome, RETRIED):
            if delivery.times >= self._settings.tries:
                await self._settle(delivery, outcome, "dead")
            else:
                self._count("again")  # nobody says a word of it from now on, and so it is taken anew
        else:
            await self._settle(delivery, outcome, "answered" if isinstance(outcome, Answer) else "failed")

    async def _outcome(self, delivery: Delivery) -> Answer | GatewayError | None:
        """Return what the line says, once there is room for the call; None when it is of no use any more."""
        attempt = 0
        while self._wall() < delivery.entry.until:
            try:
                outcome = await ask(self._door, delivery.entry, self._clock)
            except InvalidRequest as exc:
                return exc
            if not isinstance(outcome, Overloaded):
                return outcome
            pause = min(LONGEST_BACKOFF, outcome.retry_after * 2**attempt) * random.uniform(0.5, 1.0)
            attempt += 1
            await asyncio.sleep(pause)
        return None

    async def _settle(self, delivery: Delivery, outcome: Answer | GatewayError, what: str) -> None:
        result = result_of(delivery.entry, outcome)
        dead = str(outcome) if what == "dead" else ""
        if await self._deliveries.settle(delivery, result, dead):
            self._count(what)
        if dead:
            log.error("a queued call was given up", extra={"result_id": delivery.entry.result_id, "reason": dead})

    async def _hold(self) -> None:
        while True:
            await asyncio.sleep(self._settings.claim_after / HOLDS)
            try:
                await self._deliveries.hold(list(self._in_hand))
            except QueueAway as exc:
                self._missed(exc)

    def _missed(self, failure: QueueAway) -> None:
        if not self._away:
            log.warning("%s", failure)
        self._away = True

    def _heard(self) -> None:
        if self._away:
            log.warning("the queue's Redis answers again")
        self._away = False
