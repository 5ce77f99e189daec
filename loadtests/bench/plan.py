"""How the bench is run, as the command line said it: one frozen value."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.answer import Contract
from loadtests.generator import Load
from loadtests.seats import Seats


@dataclass(frozen=True, slots=True)
class Plan:
    """Times are in seconds. `redis` names a Redis that is filled already; without it the bench brings its own up."""

    out: Path
    seats: Seats
    serve: Sequence[str]
    up: Sequence[str]
    models: Path
    requests: Path | None = None
    fewest_requests: int = 10_000
    redis: str | None = None
    redis_pid: int | None = None
    only: frozenset[str] = frozenset()
    quick: bool = False
    base_port: int = 21000
    rounds: int = 3
    warm_up: float = 2.0
    seconds: float = 6.0
    pair_rounds: int = 6
    pair_seconds: float = 3.0
    open_seconds: float = 20.0
    soak: float = 60.0
    starts: int = 5
    bar_seconds: float = 5.0
    delay_us: float = 400.0
    deployment: str = "fraud"
    timeout_ms: int = 100
    seed: int = 7
    patience: float = 900.0
    cross_check: bool = True
    contract: Contract = field(default_factory=Contract)

    def load(self, connections: int, seconds: float | None = None) -> Load:
        """Return a closed load of one call in flight a connection."""
        return Load(connections, 1, self.warm_up, self.seconds if seconds is None else seconds)

    def wants(self, *names: str) -> bool:
        """Whether any of the names is to be measured."""
        return not self.only or bool(self.only & set(names))


QUICK = {"rounds": 1, "warm_up": 0.5, "seconds": 1.5, "pair_rounds": 2, "pair_seconds": 1.0, "open_seconds": 3.0}
QUICK |= {"soak": 6.0, "starts": 2, "bar_seconds": 2.0}
"""What `--quick` puts in place of the defaults: enough to see that everything runs, too little to believe a figure."""
