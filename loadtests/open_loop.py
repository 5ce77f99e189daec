"""The open loop: calls leave when they are due, whatever became of those before, and latency counts from then.

A closed loop waits for a slow server before it asks again, and so never sees the queue that independent callers would
stand in (coordinated omission). Here a call that leaves late, because the generator or a socket was busy, has waited
since it was due; how late they left is reported, so that nobody can blame the generator in silence, nor forget it.
"""

import itertools
import random
import select
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadtests.arrivals import poisson
from loadtests.collector import collector_off
from loadtests.dialect import Dialect
from loadtests.exchange import Exchange, Request
from loadtests.latencies import Latencies
from loadtests.link import Link
from loadtests.tally import Tally
from loadtests.wake import wake_exactly

_SECOND = 1_000_000_000
_JUDGE_AHEAD = 100_000  # an answer is looked at only when no call is due within these nanoseconds


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Calls a second, for how long, over how many connections; `warm_up` seconds go before and are not counted."""

    rate: float
    seconds: float = 10.0
    warm_up: float = 2.0
    connections: int = 16
    grace: float = 2.0
    seed: int = 7


@dataclass(frozen=True, slots=True)
class OpenReport:
    """One open run. `lag` is how late calls left, `tally` what became of all that were due in the measured time."""

    arrivals: Arrivals
    due: int
    tally: Tally
    lag: Latencies
    busy: float
    lost_connections: int

    def quantile(self, share: float) -> float:
        """Return the latency in seconds since it was due that `share` of all calls kept; failures are endless."""
        return self.tally.latencies.quantile(share, sum(self.tally.faults.values()))

    def count(self, *kinds: str) -> int:
        """Return how many calls ended in any fault whose name begins so."""
        return sum(calls for kind, calls in self.tally.faults.items() if kind.startswith(kinds))


def offer(arrivals: Arrivals, spoken: Dialect, address: tuple[str, int], calls: Sequence[Request]) -> OpenReport:
    """Offer the calls to a server; raises OSError when it cannot be reached at all."""
    if not spoken.pipelines:
        raise ValueError(f"{spoken.name} carries one call at a time on a connection: it cannot hold an open loop")
    wake_exactly()
    supply = itertools.cycle(random.Random(arrivals.seed).sample(calls, len(calls)))
    loop = _OpenLoop(arrivals, spoken, address, supply)
    try:
        with collector_off():
            return loop.run()
    finally:
        loop.close()


class OpenLink(Link):
    """A connection on which calls are begun one by one, from the moment they were due."""

    def begin(self, request: Request, due: int) -> bool:
        """Put a call on the wire; False when the connection can take none now."""
        started = self.alive and self._wire.start(Exchange(request, due))
        if not started:
            return False
        self.in_flight += 1
        self.started += 1
        self._send(started)
        return True


class _OpenLoop:
    """All connections behind one epoll, the calls that are due, and the answers still to be judged."""

    def __init__(
        self, arrivals: Arrivals, spoken: Dialect, address: tuple[str, int], supply: Iterator[Request]
    ) -> None:
        self._arrivals = arrivals
        self._judge = spoken.judge
        self._supply = supply
        self._poll = select.epoll()
        self._by_number: dict[int, Link] = {}
        self._heard: deque[tuple[Exchange, int]] = deque()
        self._unsent: deque[int] = deque()
        self._tally, self._lag, self._from = Tally(), Latencies(), 0
        self._links: deque[OpenLink] = deque()
        try:
            for _ in range(arrivals.connections):
                link = OpenLink(address, spoken.make_wire, supply, 1, self._poll, self._by_number)
                self._links.append(link)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close every connection."""
        for link in self._by_number.values():
            link.close()
        self._poll.close()

    def run(self) -> OpenReport:
        """Send what is due when it is due, then wait for the rest."""
        plan = self._arrivals
        begun, spent = time.perf_counter_ns(), time.thread_time()
        self._from = begun + int(plan.warm_up * _SECOND)
        due = 0
        for offset in poisson(plan.rate, plan.warm_up + plan.seconds, plan.seed):
            self._wait_until(begun + offset)
            due += begun + offset >= self._from
            self._unsent.append(begun + offset)
            self._send_unsent()
        busy = (time.thread_time() - spent) / (time.perf_counter_ns() - begun) * _SECOND
        self._drain()
        lost = sum(not link.alive for link in self._links)
        return OpenReport(plan, due, self._tally, self._lag, busy, lost)

    def _wait_until(self, due: int) -> None:
        """Hear answers, and judge some where there is time, until the next call is due."""
        while (left := due - time.perf_counter_ns()) > 0:
            if self._heard and left > _JUDGE_AHEAD:
                self._judge_one()
                self._hear(0.0)
            else:
                self._hear(left / _SECOND)
            self._send_unsent()

    def _send_unsent(self) -> None:
        """Begin every call that is due, on the connections in turn; what no connection takes waits, and is late."""
        while self._unsent:
            if not any(self._begin_on_next(self._unsent[0]) for _ in range(len(self._links))):
                return
            due = self._unsent.popleft()
            if due >= self._from:
                self._lag.add(time.perf_counter_ns() - due)

    def _begin_on_next(self, due: int) -> bool:
        link = self._links[0]
        self._links.rotate(-1)
        return link.begin(next(self._supply), due)

    def _hear(self, patience: float) -> None:
        # epoll counts in milliseconds; select, on the epoll itself, in microseconds.
        if not select.select([self._poll], [], [], patience)[0]:
            return
        for number, event in self._poll.poll(0):
            link = self._by_number[number]
            if event & select.EPOLLOUT:
                link.flush()
            if event & ~select.EPOLLOUT:
                done = link.receive()
                self._heard.extend((exchange, link.heard) for exchange in done)

    def _judge_one(self) -> None:
        exchange, heard = self._heard.popleft()
        if exchange.started >= self._from:
            self._tally.count(self._judge(exchange), heard - exchange.started)

    def _drain(self) -> None:
        end = time.perf_counter() + self._arrivals.grace
        while time.perf_counter() < end and any(link.in_flight for link in self._links):
            self._hear(0.1)
        while self._heard:
            self._judge_one()
        unanswered = sum(link.in_flight for link in self._links) + len(self._unsent)
        if unanswered:
            self._tally.fault("unanswered", unanswered)
