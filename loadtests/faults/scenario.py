"""What a scenario is, and what it observed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from loadtests.faults.expectation import BROKEN, KEPT, Expectation
from loadtests.faults.ledger import Ledger
from loadtests.faults.plan import Plan
from loadtests.faults.stage import Stage
from loadtests.faults.timeline import Second


@dataclass(frozen=True, slots=True)
class Observed:
    """The ledgers of a run and of its parts by name (`all` first), and what was expected of it.

    `table` is Markdown and `picture` SVG, where a scenario has more to show than the seconds one by one.
    """

    ledgers: Mapping[str, Ledger]
    expectations: Sequence[Expectation]
    timeline: Sequence[Second] = ()
    details: Mapping[str, object] = field(default_factory=dict)
    table: str = ""
    picture: str = ""

    @property
    def adds_up(self) -> bool:
        """Whether every ledger does."""
        return all(one.adds_up for one in self.ledgers.values())

    @property
    def kept(self) -> bool:
        """Whether everything that was expected was kept, and something was."""
        return bool(self.expectations) and all(one.verdict == KEPT for one in self.expectations)

    @property
    def broken(self) -> bool:
        """Whether anything that was expected was broken."""
        return any(one.verdict == BROKEN for one in self.expectations)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fault. `does` is what is done, `sees` what the caller is promised."""

    name: str
    does: str
    sees: str
    play: Callable[[Stage], Observed]
    seconds: Callable[[Plan], float]
