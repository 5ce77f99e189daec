"""One peer beside ours: the two in turn, a pair a round, and the ratio of their rates."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from loadtests.generator import Load, generate
from loadtests.in_turn import Pairs, in_turn
from loadtests.peers.environments import HOME
from loadtests.peers.peer import DEFAULT_REDIS, Peer, serve
from loadtests.peers.rows import rows_from
from loadtests.peers.stillness import at_rest, at_work
from loadtests.processors import ProcessorMeter, held
from loadtests.seats import Seats
from loadtests.spread import Spread, spread
from loadtests.tally import Report

Round = Callable[[], Report]
"""Puts the load on a running server once."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a peer is played: the cores (a peer takes the worker's), the Redis it may read, where its log goes."""

    seats: Seats = field(default_factory=Seats)
    redis: str = DEFAULT_REDIS
    logs: Path = HOME / "logs"


@dataclass(frozen=True, slots=True)
class Versus:
    """All rounds of ours and of one peer. There are rates and ratios only where every round of both was sound."""

    peer: Peer
    pairs: Pairs[Report]

    @property
    def sound(self) -> bool:
        """Whether every round of both may show its rate."""
        return all(report.sound for report in (*self.pairs.first, *self.pairs.second))

    @property
    def our_rates(self) -> list[float]:
        """Calls a second of ours, by round."""
        return [report.rate or 0.0 for report in self.pairs.first] if self.sound else []

    @property
    def their_rates(self) -> list[float]:
        """Calls a second of the peer, by round."""
        return [report.rate or 0.0 for report in self.pairs.second] if self.sound else []

    @property
    def ratios(self) -> list[float]:
        """Ours over theirs, by round."""
        return [mine / other for mine, other in zip(self.our_rates, self.their_rates, strict=True)]

    @property
    def spread(self) -> Spread | None:
        """The median of the ratios, and the interval of order statistics around it."""
        return spread(self.ratios) if self.ratios else None

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values."""
        found = self.spread
        return {
            "name": self.peer.name,
            "title": self.peer.title,
            "whole_job": self.peer.whole_job,
            "ours_over_theirs": None if found is None else asdict(found),
            "ratios": self.ratios,
            "our_rounds": [report.as_json() for report in self.pairs.first],
            "their_rounds": [report.as_json() for report in self.pairs.second],
        }


def play(
    peer: Peer,
    ours: Round,
    rounds: int,
    load: Load,
    ground: Ground | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Versus:
    """Start the peer and play; raises what `serve` and `rows_from` raise, and OSError where nobody answers."""
    with opened(peer, load, ground or Ground()) as theirs:
        return Versus(peer, in_turn(ours, theirs, rounds, say))


@contextmanager
def opened(peer: Peer, load: Load, ground: Ground) -> Iterator[Round]:
    """Start the peer and hand out what puts the load on it once; between its rounds it rests."""
    rows = rows_from(ground.redis)
    log = ground.logs / f"{peer.name}.log"
    with serve(peer, ground.seats.worker, log, ground.redis) as processes:
        spoken = peer.speak(processes.address, rows)
        calls = [spoken.encode(case, str(number)) for number, case in enumerate(rows.cases(peer.whole_job))]

        def once() -> Report:
            with at_work(processes.pids), held([os.getpid()], ground.seats.generator):
                return generate(load, spoken, processes.address, calls, {"worker": ProcessorMeter(processes.pids)})

        with at_rest(processes.pids):
            yield once
