"""What a measure is, and what it is given to work with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadtests.bench.finding import Finding
from loadtests.bench.gateways import Address, Gateways
from loadtests.bench.ground import Ground
from loadtests.bench.plan import Plan
from loadtests.cases import Case
from loadtests.dialect import Target

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Bench:
    """The plan, what it stands on, the gateways, the calls, and where to tell how far one is."""

    plan: Plan
    ground: Ground
    gateways: Gateways
    cases: Sequence[Case]
    say: Say

    def target(self, address: Address) -> Target:
        """Return the deployment under measurement at an address."""
        plan = self.plan
        return Target(*address, plan.deployment, plan.timeout_ms, plan.contract)


@dataclass(frozen=True, slots=True)
class Measure:
    """One entry of the bench. `parts` are findings that can be asked for alone; `seconds` is a rough estimate."""

    name: str
    does: str
    run: Callable[[Bench], list[Finding]]
    seconds: Callable[[Plan], float]
    parts: tuple[str, ...] = ()
