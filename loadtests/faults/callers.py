"""Who calls: groups of callers that ask in one way, and what share of the arrivals is theirs in each phase of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtests.dialect import Dialect, Target, dialect
from loadtests.exchange import Request
from loadtests.faults.ending import Sort, sort_grpc, sort_json


@dataclass(frozen=True, slots=True)
class Callers:
    """One group: its calls go over connections of its own, and none of them waits for another's answer."""

    name: str
    spoken: Dialect
    sort: Sort
    address: tuple[str, int]
    calls: Sequence[Request]
    connections: int = 4


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a run with one rate, shared out among the groups by name; `shares` need not sum to one."""

    seconds: float
    rate: float
    shares: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.seconds <= 0 or self.rate <= 0 or not sum(self.shares.values()) > 0:
            raise ValueError("a phase needs a time, a rate and somebody who calls")


def callers(name: str, spoken: str, target: Target, calls: Sequence[Request], connections: int = 4) -> Callers:
    """Return a group that asks `target` in the dialect of that name."""
    sort = (sort_grpc if spoken == "grpc" else sort_json)(target.contract, target.timeout_ms / 1e3)
    return Callers(name, dialect(spoken, target), sort, (target.host, target.port), calls, connections)
