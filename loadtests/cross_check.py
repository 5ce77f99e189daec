"""Our gRPC rate held against h2load's: the same gateway, load and single body, one right after the other."""

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from loadtests import h2load
from loadtests.dialect import Dialect
from loadtests.exchange import Request
from loadtests.generator import Load, generate


@dataclass(slots=True)
class CrossCheck:
    """Gathers one pair of rates each round. One body is an easier question than many: only the pair says something."""

    load: Load
    address: tuple[str, int]
    timeout_ms: int
    scratch: Path
    pairs: list[tuple[float, float]] = field(default_factory=list)

    def run(self, spoken: Dialect, request: Request) -> None:
        """Measure both; a run of ours that is not sound leaves no pair."""
        ours = generate(self.load, spoken, self.address, [request]).rate
        theirs = h2load.run(self.load, self.address, self.timeout_ms, request, self.scratch / "h2load-body.bin")
        if ours is not None:
            self.pairs.append((ours, theirs.calls_per_second))

    def summary(self) -> str:
        """Return one line for under the table."""
        if not self.pairs:
            return "Cross-check: no sound run of ours to hold h2load's against."
        ours, theirs = (median(pair[side] for pair in self.pairs) for side in (0, 1))
        ratio = median(mine / other for mine, other in self.pairs)
        return (
            f"Cross-check on one body, {self.load.seconds:.0f} s each: this generator {ours:,.0f} calls/s, "
            f"h2load {theirs:,.0f} ({ratio:.2f} of h2load's; it verifies nothing and prints no p99)."
        )
