"""The closed loop: a fixed number of calls in flight, each answer followed by the next call, over a measured time.

One thread, one epoll. An answer is judged after the next call is on its way, so that checking payloads does not hold
up the server; the moment it was read is taken before. Reading waits for the connections read before it, which makes
latencies look longer, never shorter.
A closed loop slows down with the server: it finds capacity, and cannot show what a queue of independent callers feels.
"""

import itertools
import random
import select
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loadtests.answer import Judge
from loadtests.collector import collector_off
from loadtests.dialect import Dialect
from loadtests.exchange import Exchange, Request
from loadtests.link import Link
from loadtests.progress import EVERY
from loadtests.tally import Report, Tally

Meter = Callable[[], float]
"""Reads the processor seconds that somebody has spent so far."""
Progress = Callable[[float, float, Tally], None]
"""Hears how many seconds have been measured, and of the last so many seconds what came back."""


@dataclass(frozen=True, slots=True)
class Load:
    """How hard, and for how long."""

    connections: int = 16
    streams: int = 1
    warm_up: float = 2.0
    seconds: float = 8.0
    grace: float = 2.0
    """How long calls still in flight at the end are waited for; then they are faults."""

    def __post_init__(self) -> None:
        if self.connections < 1 or self.streams < 1:
            raise ValueError("a load needs at least one connection and one stream")
        if self.seconds <= 0 or self.warm_up < 0 or self.grace < 0:
            raise ValueError("a load needs a time to measure, and no time below zero")


def generate(
    load: Load,
    spoken: Dialect,
    address: tuple[str, int],
    calls: Sequence[Request],
    meters: Mapping[str, Meter] | None = None,
    seed: int = 7,
    progress: Progress | None = None,
) -> Report:
    """Put `load` on a server and report what came back; raises OSError when the server cannot be reached at all.

    `progress` is told every `EVERY` seconds, between two turns of the loop.
    """
    if load.streams > 1 and not spoken.pipelines:
        raise ValueError(f"{spoken.name} carries one call at a time on a connection")
    all_meters = {"generator": time.process_time} | dict(meters or {})
    warming, tally = Tally(), Tally()
    order = itertools.cycle(random.Random(seed).sample(calls, len(calls)))
    with _Loop(load, spoken, address, order) as loop, collector_off():
        loop.spin(load.warm_up, warming)
        before = {name: meter() for name, meter in all_meters.items()}
        seconds = loop.spin(load.seconds, tally) if progress is None else _told(loop, load, tally, progress)
        spent = {name: meter() - before[name] for name, meter in all_meters.items()}
        loop.drain(load.grace, tally)
    if loop.lost:
        tally.merge_faults(warming)
    return Report(
        dialect=spoken.name,
        connections=load.connections,
        streams=load.streams,
        seconds=seconds,
        entity_sets=min(loop.started, len(calls)),
        lost_connections=loop.lost,
        tally=tally,
        processor_seconds=spent,
    )


def _told(loop: "_Loop", load: Load, tally: Tally, progress: Progress) -> float:
    """Measure piece by piece, the last one up to half as long again; return how long that took."""
    elapsed = 0.0
    while (left := load.seconds - elapsed) > 0 and loop.lost < load.connections:
        part = Tally()
        seconds = loop.spin(EVERY if left >= 1.5 * EVERY else left, part)
        elapsed += seconds
        tally.merge(part)
        progress(elapsed, seconds, part)
    return elapsed


class _Loop:
    """All links of a run behind one epoll."""

    def __init__(self, load: Load, spoken: Dialect, address: tuple[str, int], order: Iterator[Request]) -> None:
        self._poll = select.epoll()
        self._by_number: dict[int, Link] = {}
        self._judge: Judge = spoken.judge
        try:
            self._links = [
                Link(address, spoken.make_wire, order, load.streams, self._poll, self._by_number)
                for _ in range(load.connections)
            ]
        except OSError:
            self.close()
            raise

    def __enter__(self) -> "_Loop":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        for link in self._by_number.values():
            link.close()
        self._poll.close()

    @property
    def lost(self) -> int:
        """How many links were given up."""
        return sum(not link.alive for link in self._links)

    @property
    def started(self) -> int:
        """How many calls were started."""
        return sum(link.started for link in self._links)

    def spin(self, seconds: float, tally: Tally) -> float:
        """Keep every link full for a while; return how long it took."""
        begun = now = time.perf_counter()
        end = begun + seconds
        for link in self._links:
            link.fill()
        while now < end and self.lost < len(self._links):
            self._turn(end - now, tally, refill=True)
            now = time.perf_counter()
        return now - begun

    def drain(self, grace: float, tally: Tally) -> None:
        """Start nothing more and wait for the calls in flight; those that never end are faults."""
        end, late = time.perf_counter() + grace, Tally()
        while (now := time.perf_counter()) < end and any(link.in_flight for link in self._links):
            self._turn(end - now, late, refill=False)
        unanswered = sum(link.in_flight for link in self._links)
        if unanswered:
            late.fault("unanswered", unanswered)
        tally.merge_faults(late)

    def _turn(self, timeout: float, tally: Tally, refill: bool) -> None:
        ended: list[tuple[Exchange, int]] = []
        for number, event in self._poll.poll(timeout):
            link = self._by_number[number]
            if event & select.EPOLLOUT:
                link.flush()
            if not event & ~select.EPOLLOUT:
                continue
            done = link.receive()
            heard = link.heard
            if refill:
                link.fill()
            ended += [(exchange, heard) for exchange in done]
        # Not one by one above: judging a turn's answers together costs a quarter less, caches stay warm.
        for exchange, heard in ended:
            tally.count(self._judge(exchange), heard - exchange.started)
