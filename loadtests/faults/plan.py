"""How the fault runs are made, as the command line said it: one frozen value."""

from dataclasses import dataclass, field
from pathlib import Path

from loadtests.answer import Contract
from loadtests.seats import Seats


@dataclass(frozen=True, slots=True)
class Plan:
    """Times are in seconds; `models` and `bundles` are what the gateways under test are made from."""

    out: Path
    seats: Seats
    quick: bool = False
    only: frozenset[str] = frozenset()
    models: Path = Path("models")
    bundles: Path = Path("models/bundles")
    filled: Path = Path(".sluice/stress/filled.rdb")
    load: float = 0.3
    """The share of its capacity at which a gateway is kept busy while something breaks."""
    most_rate: float = 3000.0
    """Calls a second that no fault run exceeds: a ledger is no speed test."""
    deadline_ms: int = 100
    fewest_requests: int = 10_000
    seed: int = 7
    patience: float = 120.0
    contract: Contract = field(default_factory=Contract)

    def span(self, short: float, long: float) -> float:
        """Return how long something takes: `--quick` takes the short time."""
        return short if self.quick else long

    @property
    def deadline(self) -> float:
        """The caller's deadline in seconds."""
        return self.deadline_ms / 1e3
