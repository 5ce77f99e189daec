"""A gateway that only says so: it reports whatever table is wanted as served, and sends windows as a worker would."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from gateway.deployment import Deployment
from routing.control.client import open_control
from routing.control.errors import ControlError
from routing.control.feed import Standing
from routing.control.redis_feed import RedisFeed
from routing.control.redis_store import RedisStore
from routing.order import Settled
from routing.rollout import Rollout, State
from routing.window import Pair, Window

EVERY = 0.1
FAULT = 1
"""The sign of the first guard."""
_DIGEST = "c" * 64


@dataclass
class ScriptedGateway:
    """`bad`: whether every row of the canary is a fault."""

    url: str
    deployment: Deployment
    champion: str = "1"
    bad: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    unit: int = 0
    sequence: int = 0
    rollout: str = ""

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        client = open_control(self.url)
        store, feed = RedisStore(client), RedisFeed(client)
        while not self.stop.is_set():
            with suppress(ControlError):  # it will be there again
                await self._serve(store, feed, time.time())
            await asyncio.sleep(EVERY)
        await client.aclose()

    async def _serve(self, store: RedisStore, feed: RedisFeed, now: float) -> None:
        rollout = (await store.read(self.deployment.name)).rollout
        if rollout is not None and rollout.state is State.DONE:
            self.champion = rollout.candidate
        await feed.report(self.deployment.name, "gw-1", self._standing(rollout, now))
        if rollout is not None and not rollout.over:
            await feed.send(rollout.name, self._window(rollout, now))

    def _standing(self, rollout: Rollout | None, now: float) -> Standing:
        return Standing(
            1 if rollout is None else rollout.table,
            now,
            rollout="" if rollout is None else rollout.name,
            champion=self.champion,
            champion_digest=_DIGEST,
            policy=self.deployment.policy_digest,
            rules=self.deployment.rollout_digest,
        )

    def _window(self, rollout: Rollout, now: float) -> Window:
        self.sequence = self.sequence + 1 if rollout.name == self.rollout else 1
        self.rollout = rollout.name
        calls = tuple(self._call(rollout, number, now) for number in range(100)) if rollout.weight else ()
        pairs = () if rollout.weight else (Pair(0, 0),) * 5
        return Window("gw-1.0", self.sequence, now, now, rollout.at, calls, 0, pairs)

    def _call(self, rollout: Rollout, number: int, now: float) -> Settled:
        self.unit += 1
        canary = number * 100 < rollout.weight
        return Settled(now - 0.01, self.unit, canary, rollout.at, rollout.weight, FAULT * (canary and self.bad))


@contextmanager
def scripted_gateway(url: str, deployment: Deployment) -> Iterator[ScriptedGateway]:
    """Let one run beside the test until the block ends."""
    gateway = ScriptedGateway(url, deployment)
    thread = threading.Thread(target=gateway.run, name="scripted gateway")
    thread.start()
    try:
        yield gateway
    finally:
        gateway.stop.set()
        thread.join()
