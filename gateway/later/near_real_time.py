"""Near real time in one worker, put together: the desk that its fronts have, and the consumer that answers."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gateway.config import ConfigError, without_password
from gateway.fronts.desk import NO_DESK, Desk
from gateway.fronts.door import Door
from gateway.later.consumer import TAKE_WAIT, Consumer
from gateway.later.desk import QueueDesk
from gateway.later.redis_queue import RedisDeliveries, RedisResults
from gateway.later.settings import QueueSettings
from gateway.later.store import QueueAway
from monitoring import metrics
from monitoring.series import SeriesFile
from routing.control.client import open_control
from routing.control.errors import ControlError

log = logging.getLogger("sluice.queue")

OUTCOMES = ("accepted", "refused", "answered", "failed", "again", "expired", "dead")
ONCE = Retry(NoBackoff(), 0)
"""What is sent again after a silence may be done twice; and who hands a call in is told at once."""
LENGTH_EVERY = 5.0
"""Seconds between two looks at the queue's length."""


@dataclass(frozen=True, slots=True)
class _Running:
    """What is open while calls come. The client gives every command that is under way a connection of its own."""

    desk: QueueDesk
    consumer: Consumer
    client: Redis
    consuming: asyncio.Task[None]
    watching: asyncio.Task[None]


class NearRealTime:
    """A worker's queue, or that there is none. `name` is the consumer's."""

    def __init__(self, running: _Running | None, grace: float) -> None:
        self._running = running
        self._grace = grace

    @property
    def desk(self) -> Desk:
        """What the fronts hand calls in at."""
        return NO_DESK if self._running is None else self._running.desk

    async def close(self) -> None:
        """Take nothing more, answer what is in hand, and leave the rest to others. The door is to be closing."""
        if self._running is None:
            return
        running = self._running
        # What a read that is broken off has taken in hand would lie there until others claim it.
        await asyncio.wait([running.consuming], timeout=2 * TAKE_WAIT)
        for task in (running.consuming, running.watching):
            task.cancel()
        await asyncio.gather(running.consuming, running.watching, return_exceptions=True)
        await running.consumer.drain(self._grace)
        await running.desk.close()
        await running.client.aclose()


async def begin(
    url: str, settings: QueueSettings, name: str, door: Door, series: SeriesFile, grace: float
) -> NearRealTime:
    """Open the queue and start the consumer, unless the `url` is empty.

    A Redis that is away is no error: it is tried again. Raises `ConfigError` for one that cannot be used.
    """
    if not url:
        return NearRealTime(None, grace)
    try:
        client = open_control(url)
        client.set_retry(ONCE)
    except ControlError as exc:
        raise ConfigError("--queue-url cannot be read: redis://HOST:PORT/DB is one") from exc
    results = RedisResults(client, settings)
    await _check(results, url)
    counters = {outcome: series.counter(metrics.QUEUED_CALLS, outcome) for outcome in OUTCOMES}

    def count(outcome: str) -> None:
        counters[outcome].add()

    consumer = Consumer(RedisDeliveries(client, settings, name), door, settings, count)
    desk = QueueDesk(results, settings, count, closing=lambda: not door.ready())
    consuming = _supervised(consumer.run(), "queue-consumer")
    watching = _supervised(_watch(results, series), "queue-length")
    return NearRealTime(_Running(desk, consumer, client, consuming, watching), grace)


async def _check(results: RedisResults, url: str) -> None:
    try:
        complaint = await results.check()
    except QueueAway as exc:
        log.warning("%s", exc, extra={"url": without_password(url)})
        return
    if complaint:
        raise ConfigError(complaint)


async def _watch(results: RedisResults, series: SeriesFile) -> None:
    """Publish how many calls wait or are in hand."""
    gauge = series.gauge(metrics.QUEUE_LENGTH)
    while True:
        try:
            gauge.set(await results.length())
        except QueueAway:  # the consumer says so
            gauge.set(0.0)
        await asyncio.sleep(LENGTH_EVERY)


def _supervised(work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(work, name=name)
    task.add_done_callback(_log_death)
    return task


def _log_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("%s died: this worker answers no queued calls any more", task.get_name(), exc_info=error)
