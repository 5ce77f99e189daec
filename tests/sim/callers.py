"""Callers in virtual time, who ask when they are due and not when they were answered, and a ledger of what they got."""

import asyncio
import heapq
import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.call import Answer, Call, Priority
from gateway.errors import GatewayError, Overloaded
from tests.sim.worker_model import BUDGET, Worker

PATIENCE = 0.1
TRIES = 3


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that is due at `at`."""

    at: float
    deployment: str = "fraud"
    priority: Priority = Priority.DEFAULT
    tries_left: int = 0


@dataclass(slots=True)
class Ledger:
    """sent = good + refused + late, each call once; by whatever is asked: (deployment, priority, second it was due)."""

    sent: Counter[tuple[str, Priority, int]] = field(default_factory=Counter)
    good: Counter[tuple[str, Priority, int]] = field(default_factory=Counter)
    refused: Counter[tuple[str, Priority, int]] = field(default_factory=Counter)
    late: Counter[tuple[str, Priority, int]] = field(default_factory=Counter)
    good_after: list[tuple[float, float]] = field(default_factory=list)
    """When it was due, and how long it took."""
    refused_after: list[float] = field(default_factory=list)

    def total(
        self,
        what: str,
        deployment: str | None = None,
        priority: Priority | None = None,
        seconds: range | None = None,
    ) -> int:
        """Return how many calls of a kind."""
        counter: Counter[tuple[str, Priority, int]] = getattr(self, what)
        return sum(
            calls
            for (name, rank, second), calls in counter.items()
            if deployment in (None, name) and priority in (None, rank) and (seconds is None or second in seconds)
        )

    def check(self) -> None:
        """Raise AssertionError unless every call is counted once."""
        assert self.total("sent") == self.total("good") + self.total("refused") + self.total("late")

    def quantile(self, share: float, since: float = 0.0) -> float:
        """Return the time that `share` of the good calls, due at `since` or later, kept."""
        times = sorted(took for due, took in self.good_after if due >= since)
        return times[min(len(times) - 1, int(share * len(times)))]


def poisson(
    rate: float, start: float, stop: float, seed: int, deployment: str = "fraud", tries: int = 1
) -> Iterator[Ask]:
    """Yield calls of independent callers, a fifth of them critical and a fifth sheddable."""
    draw = random.Random(seed)
    at = start
    ranks = [Priority.CRITICAL, Priority.SHEDDABLE, *[Priority.DEFAULT] * 3]
    while (at := at + draw.expovariate(rate)) < stop:
        yield Ask(at, deployment, draw.choice(ranks), tries - 1)


class Callers:
    """Ask `asks`, which come in order, and whatever is tried again; `finish` returns when every call has ended."""

    def __init__(self, worker: Worker, asks: Iterable[Ask], seed: int = 1) -> None:
        self.ledger = Ledger()
        self._worker = worker
        self._asks = iter(asks)
        self._again: list[tuple[float, int, Ask]] = []
        self._number = itertools.count()
        self._draw = random.Random(seed)
        self._open = 0
        self._next: Ask | None = next(self._asks, None)

    async def finish(self) -> Ledger:
        loop = self._worker.loop
        while self._next is not None or self._again or self._open:
            now = loop.time()
            while (ask := self._due(now)) is not None:
                loop.call_soon(self._submit, ask)
                self._open += 1
            wakes = [ask.at for ask in (self._next,) if ask is not None] + [at for at, _, _ in self._again[:1]]
            await asyncio.sleep(max(0.0, min(wakes) - loop.time()) if wakes else 0.001)
        self.ledger.check()
        return self.ledger

    def _due(self, now: float) -> Ask | None:
        if self._again and self._again[0][0] <= now:
            return heapq.heappop(self._again)[2]
        if self._next is not None and self._next.at <= now:
            ask, self._next = self._next, next(self._asks, None)
            return ask
        return None

    def _submit(self, ask: Ask) -> None:
        def reply(result: Answer | GatewayError) -> None:
            self._ended(ask, result)

        self.ledger.sent[ask.deployment, ask.priority, int(ask.at)] += 1
        if self._worker.loop.time() > ask.at + PATIENCE:
            self._worker.loop.spend(self._worker.costs[ask.deployment].gone)
            self._ended(ask, None)
            return
        self._worker.submit(Call(ask.deployment, {}, {}, "", 0.0, BUDGET, "", ask.priority, "", reply))

    def _ended(self, ask: Ask, result: Answer | GatewayError | None) -> None:
        self._open -= 1
        took = self._worker.loop.time() - ask.at
        key = (ask.deployment, ask.priority, int(ask.at))
        if isinstance(result, Answer) and took <= PATIENCE:
            self.ledger.good[key] += 1
            self.ledger.good_after.append((ask.at, took))
            return
        if isinstance(result, GatewayError) and took <= PATIENCE:
            self.ledger.refused[key] += 1
            self.ledger.refused_after.append(took)
        else:
            self.ledger.late[key] += 1
        if ask.tries_left:
            pause = result.retry_after if isinstance(result, Overloaded) else self._draw.uniform(0.02, 0.1)
            at = self._worker.loop.time() + pause
            again = Ask(at, ask.deployment, ask.priority, ask.tries_left - 1)
            heapq.heappush(self._again, (at, next(self._number), again))
