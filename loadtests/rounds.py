"""Interleaved rounds: every front and dialect once a round, in turn, so that a machine's moods fall on all of them."""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from loadtests.dialect import Dialect
from loadtests.exchange import Request
from loadtests.generator import Load, generate
from loadtests.processors import ProcessorMeter, cores_of, held
from loadtests.serving import Processes
from loadtests.table import Row
from loadtests.tally import Report


@dataclass(frozen=True, slots=True)
class Question:
    """One dialect, where it is spoken, and its encoded calls."""

    spoken: Dialect
    address: tuple[str, int]
    calls: Sequence[Request]


@dataclass(frozen=True, slots=True)
class Front:
    """A gateway to measure: how to get it, the server's name by dialect, and what else to do while it is there."""

    open: Callable[[], AbstractContextManager[Processes]]
    names: dict[str, str]
    afterwards: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Seats:
    """Which core holds the generator and which Redis; None holds nobody."""

    generator: int | None = 1
    redis: int | None = 1


class Rounds:
    """Plays the rounds and keeps every report."""

    def __init__(self, load: Load, seats: Seats, say: Callable[[str], None]) -> None:
        self._load = load
        self._seats = seats
        self._say = say
        self._reports: dict[tuple[str, str], list[Report]] = {}
        self.cores: dict[str, list[int]] = {}

    def play(self, fronts: Sequence[Front], questions: Sequence[Question], rounds: int) -> list[Row]:
        """Play all rounds, every other one backwards; raises what the gateway or the connection raises."""
        with held([os.getpid()], self._seats.generator):
            for number in range(rounds):
                step = -1 if number % 2 else 1
                for front in fronts[::step]:
                    self._say(f"round {number + 1} of {rounds}: {' and '.join(dict.fromkeys(front.names.values()))}")
                    self._visit(front, questions[::step])
        spoken = [question.spoken.name for question in questions]
        return [Row(front.names[name], self._reports[name, front.names[name]]) for front in fronts for name in spoken]

    def _visit(self, front: Front, questions: Sequence[Question]) -> None:
        with front.open() as processes, held(processes.redis, self._seats.redis):
            families = {"worker": processes.worker, "redis": processes.redis}
            self.cores = {name: cores_of(pids) for name, pids in families.items()} | {"generator": cores_of([0])}
            meters = {name: ProcessorMeter(pids) for name, pids in families.items() if pids}
            for question in questions:
                report = generate(self._load, question.spoken, question.address, question.calls, meters)
                label = front.names[question.spoken.name]
                self._reports.setdefault((question.spoken.name, label), []).append(report)
            front.afterwards()
