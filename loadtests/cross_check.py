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
    """Gathers one pair of rates each round. One body is an easier question than many: only the pair says something.

    A check that fails says so under the table; it does not cost the figures it was to check.
    """

    load: Load
    timeout_ms: int
    scratch: Path
    pairs: list[tuple[float, float]] = field(default_factory=list)
    trouble: str = "not run"

    def run(self, spoken: Dialect, address: tuple[str, int], request: Request) -> None:
        """Measure both; where one of them has no rate there is no pair."""
        ours = generate(self.load, spoken, address, [request])
        try:
            theirs = h2load.run(self.load, address, self.timeout_ms, request, self.scratch / "h2load-body.bin")
        except h2load.H2loadError as exc:
            self.trouble = str(exc)
            return
        if ours.rate is None:
            self.trouble = "; ".join(ours.reasons())
            return
        self.pairs.append((ours.rate, theirs.calls_per_second))

    def summary(self) -> str:
        """Return one line for under the table."""
        if not self.pairs:
            return f"No cross-check against h2load: {self.trouble}."
        ours, theirs = (median(pair[side] for pair in self.pairs) for side in (0, 1))
        ratio = median(mine / other for mine, other in self.pairs)
        return (
            f"Cross-check on one body, {self.load.seconds:.0f} s each: this generator {ours:,.0f} calls/s, "
            f"h2load {theirs:,.0f} ({ratio:.2f} of h2load's; it verifies nothing and prints no p99)."
        )
