"""The open loop of the fault runs: mixed callers, phases of different rates, connections that come back.

Calls leave when they are due, whatever became of those before, and count from then. A call that no connection takes
within its deadline has failed; so has one that is never answered. How late the generator itself was is kept, so that a
phase whose rate was not offered is never shown as one that was.
"""

import itertools
import random
import select
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loadtests.collector import collector_off
from loadtests.exchange import Exchange, Request
from loadtests.faults.caller_link import CallerLink
from loadtests.faults.callers import Callers, Phase
from loadtests.faults.ending import FAILED, Ending
from loadtests.faults.journal import Calls, Journal
from loadtests.faults.script import Script
from loadtests.wake import wake_exactly

_SECOND = 1_000_000_000
_JUDGE_AHEAD = 100_000  # an answer is looked at only when no call is due within these nanoseconds
_TOGETHER = 32  # calls that are written together when many are due
_BACKLOG = 4096  # answers that may wait to be looked at
_DRAW = 8192


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is offered. `deadline` is in seconds; `grace` is how long the last calls are waited for."""

    callers: Sequence[Callers]
    phases: Sequence[Phase]
    deadline: float = 0.1
    grace: float = 2.0
    seed: int = 7

    @property
    def seconds(self) -> float:
        """How long calls are due."""
        return sum(phase.seconds for phase in self.phases)


@dataclass(frozen=True)
class Run:
    """What came of it. `lag` is by phase the p99 of the generator's lateness in seconds, `busy` its processor share."""

    journal: Journal
    groups: dict[str, int]
    moments: dict[str, float]
    lag: list[float]
    busy: float
    reopened: int
    phases: Sequence[Phase]

    @cached_property
    def calls(self) -> Calls:
        """All calls as columns; to be asked when nothing more is noted."""
        return self.journal.calls()

    def of(self, *names: str) -> Calls:
        """Return the calls of some groups."""
        return self.calls.of_groups(*(self.groups[name] for name in names))

    def in_phase(self, number: int) -> Calls:
        """Return the calls that were due in one phase."""
        begin = sum(phase.seconds for phase in self.phases[:number])
        return self.calls.between(begin, begin + self.phases[number].seconds)


def offer(traffic: Traffic, script: Script | None = None) -> Run:
    """Offer the calls, and play the script beside them. Raises DeedFailed."""
    wake_exactly()
    script = script or Script(())
    loop = _Loop(traffic)
    with collector_off():
        begun = time.perf_counter_ns()
        thread = script.begin(begun / 1e9)
        try:
            loop.run(begun)
        finally:
            loop.close()
            script.end(thread)
    groups = {one.name: number for number, one in enumerate(traffic.callers)}
    lag = [float(np.quantile(late, 0.99)) / 1e9 if late else 0.0 for late in loop.lag]
    return Run(loop.journal, groups, script.moments, lag, loop.busy, loop.reopened, traffic.phases)


def arrivals(traffic: Traffic) -> Iterator[tuple[int, int, int]]:
    """Yield (nanoseconds after the beginning, group, phase) of every call; callers are independent: Poisson."""
    draw, begin = np.random.default_rng(traffic.seed), 0.0
    for number, phase in enumerate(traffic.phases):
        weights = np.array([phase.shares.get(one.name, 0.0) for one in traffic.callers])
        at, end = begin, begin + phase.seconds
        while at < end:
            due = at + draw.exponential(1 / phase.rate, _DRAW).cumsum()
            groups = draw.choice(len(weights), _DRAW, p=weights / weights.sum())
            inside = due < end
            for moment, group in zip((due[inside] * _SECOND).astype(np.int64).tolist(), groups.tolist(), strict=False):
                yield moment, group, number
            at = float(due[-1])
        begin = end


class _Loop:
    """All connections behind one epoll, the calls that are due, and the answers still to be sorted."""

    def __init__(self, traffic: Traffic) -> None:
        self.journal = Journal()
        self.lag: list[list[int]] = [[] for _ in traffic.phases]
        self.busy = 0.0
        self._traffic = traffic
        self._deadline = int(traffic.deadline * _SECOND)
        self._begun = 0
        self._poll = select.epoll()
        self._by_number: dict[int, CallerLink] = {}
        self._links = [deque(self._connect(one, number)) for number, one in enumerate(traffic.callers)]
        self._all = [link for links in self._links for link in links]
        self._supplies = [_supply(one.calls, traffic.seed) for one in traffic.callers]
        self._sorts = [one.sort for one in traffic.callers]
        self._unsent: list[deque[int]] = [deque() for _ in traffic.callers]
        self._heard: deque[tuple[int, Exchange, int]] = deque()

    @property
    def reopened(self) -> int:
        """How often a connection had to be opened again."""
        return sum(link.reopened for link in self._all)

    def close(self) -> None:
        """Close every connection."""
        for link in self._all:
            link.abandon()
        self._poll.close()

    def run(self, begun: int) -> None:
        """Send what is due when it is due, then wait for the rest."""
        self._begun, spent = begun, time.thread_time()
        together = 0
        for offset, group, phase in arrivals(self._traffic):
            due = begun + offset
            if due > time.perf_counter_ns() or together >= _TOGETHER:
                self._flush()
                together = 0
                self._wait_until(due)
            together += 1
            self.lag[phase].append(time.perf_counter_ns() - due)
            self.journal.send(group, offset / _SECOND)
            self._unsent[group].append(due)
            self._send_unsent(group)
        self._flush()
        self.busy = (time.thread_time() - spent) / (time.perf_counter_ns() - begun) * _SECOND
        self._drain()

    def _connect(self, callers: Callers, group: int) -> Iterator[CallerLink]:
        for _ in range(callers.connections):
            yield CallerLink(callers.address, callers.spoken.make_wire, group, self._poll, self._by_number)

    def _wait_until(self, due: int) -> None:
        """Hear answers, and sort some where there is time, until the next call is due; at least once."""
        while True:
            left = due - time.perf_counter_ns()
            spare = left > _JUDGE_AHEAD
            self._hear(left / _SECOND if left > 0 and not (spare and self._heard) else 0.0)
            while self._heard and (len(self._heard) > _BACKLOG or due - time.perf_counter_ns() > _JUDGE_AHEAD):
                self._sort_one()
            self._tend()
            if due <= time.perf_counter_ns():
                return

    def _tend(self) -> None:
        """Open what fell, send what waited, and give up what waited too long."""
        if len(self._by_number) < len(self._all):
            now = time.perf_counter_ns()
            for link in self._all:
                link.tend(now)
        if any(self._unsent):
            for group in range(len(self._unsent)):
                self._send_unsent(group)
            self._flush()

    def _send_unsent(self, group: int) -> None:
        unsent, links = self._unsent[group], self._links[group]
        while unsent:
            due = unsent[0]
            now = time.perf_counter_ns()
            if now - due > self._deadline:
                self._end(group, due, now, Ending(FAILED, "no connection took it"))
            elif not self._begin(links, next(self._supplies[group]), due):
                return
            unsent.popleft()

    def _begin(self, links: "deque[CallerLink]", request: Request, due: int) -> bool:
        for _ in range(len(links)):
            links.rotate(-1)
            if links[0].begin(request, due):
                return True
        return False

    def _flush(self) -> None:
        for link in self._all:
            link.flush()

    def _hear(self, patience: float) -> None:
        # epoll counts in milliseconds; select, on the epoll itself, in microseconds.
        if not select.select([self._poll], [], [], min(patience, 0.02))[0]:
            return
        for number, event in self._poll.poll(0):
            link = self._by_number.get(number)
            if link is not None:
                done = link.notice(event)
                heard = link.heard
                self._heard.extend((link.group, exchange, heard) for exchange in done)

    def _sort_one(self) -> None:
        group, exchange, heard = self._heard.popleft()
        due = exchange.started
        self._end(group, due, heard, self._sorts[group](exchange, (heard - due) / _SECOND))

    def _end(self, group: int, due: int, heard: int, ending: Ending) -> None:
        self.journal.end(group, (due - self._begun) / _SECOND, (heard - due) / _SECOND, ending)

    def _drain(self) -> None:
        end = time.perf_counter() + self._traffic.grace
        while time.perf_counter() < end and (any(self._unsent) or any(link.in_flight for link in self._all)):
            self._hear(0.02)
            self._tend()
        while self._heard:
            self._sort_one()
        now = time.perf_counter_ns()
        for group, unsent in enumerate(self._unsent):
            for due in unsent:
                self._end(group, due, now, Ending(FAILED, "no connection took it"))
        for link in self._all:
            for exchange in link.abandon():
                self._end(link.group, exchange.started, now, Ending(FAILED, "unanswered"))


def _supply(calls: Sequence[Request], seed: int) -> Iterator[Request]:
    return itertools.cycle(random.Random(seed).sample(calls, len(calls)))
