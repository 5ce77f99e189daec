"""Interleaved rounds: every front and question once a round, in turn, so that a machine's moods fall on all of them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from loadtests.dialect import Dialect
from loadtests.exchange import Request
from loadtests.generator import Load, generate
from loadtests.processors import ProcessorMeter
from loadtests.serving import Processes
from loadtests.tally import Report

Gateway = TypeVar("Gateway")


@dataclass(frozen=True, slots=True)
class Question:
    """One way of asking: the dialect, where it is spoken, its encoded calls, and how hard they come."""

    name: str
    spoken: Dialect
    address: tuple[str, int]
    calls: Sequence[Request]
    load: Load


@dataclass(frozen=True, slots=True)
class Front(Generic[Gateway]):
    """A gateway to measure: how to get it, what to ask it, and what else to do while it is there."""

    name: str
    open: Callable[[], AbstractContextManager[Gateway]]
    processes: Callable[[Gateway], Processes]
    questions: Callable[[Gateway], Sequence[Question]]
    afterwards: Callable[[Gateway], None] = lambda _: None


def play(fronts: Sequence[Front[Gateway]], rounds: int, say: Callable[[str], None]) -> dict[str, list[Report]]:
    """Return the reports of every question; every other round goes backwards. Raises what a gateway raises."""
    reports: dict[str, list[Report]] = {}
    for number in range(rounds):
        step = -1 if number % 2 else 1
        for front in fronts[::step]:
            with front.open() as gateway:
                for question in front.questions(gateway)[::step]:
                    say(f"round {number + 1} of {rounds}: {question.name} on {front.name}")
                    reports.setdefault(question.name, []).append(ask(question, front.processes(gateway)))
                front.afterwards(gateway)
    return reports


def ask(question: Question, processes: Processes) -> Report:
    """Put one question's load on a gateway, with the processor time of its processes."""
    families = {"worker": processes.worker, "redis": processes.redis}
    meters = {name: ProcessorMeter(pids) for name, pids in families.items() if pids}
    return generate(question.load, question.spoken, question.address, question.calls, meters)
