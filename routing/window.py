"""What one worker has found out about a rollout between two flushes, as it goes to the judge.

A window is told apart by its worker and its sequence number, so it may be sent twice. A worker's name is its own: the
process that takes its place begins with a name and a sequence of its own.
"""

from dataclasses import dataclass
from typing import NamedTuple

from routing.comparison import NO_COMPARISON, Comparison
from routing.order import Settled


class Pair(NamedTuple):
    """Both bundles on one row, one after the other in random order: the signs that each showed.

    A sign of the pair as such (another decision, a score too far off) stands with the canary.
    """

    canary: int
    champion: int
    unit: int | None = None
    """The number of the row's unit; None where the row has none: then nobody can tell whether it came before."""


class Spread(NamedTuple):
    """The scores of an arm's rows: how many, and the least and greatest of them. Can be merged."""

    rows: int = 0
    least: float = float("inf")
    greatest: float = float("-inf")

    def merged(self, other: "Spread") -> "Spread":
        """Return the spread of both."""
        return Spread(self.rows + other.rows, min(self.least, other.least), max(self.greatest, other.greatest))

    @property
    def constant(self) -> bool:
        """Whether every one of them was the same."""
        return self.rows > 0 and self.least == self.greatest


NO_SCORES = Spread()


@dataclass(frozen=True, slots=True)
class Health:
    """How the lanes themselves fared. A broken run is one that failed and failed again when it was repeated."""

    canary_runs: int = 0
    canary_broken: int = 0
    """Broken runs of the canary, each in a list of its own."""
    champion_runs: int = 0
    champion_broken: int = 0
    host_deaths: int = 0
    """How often the canary's lane host died."""
    golden_wrong: int = 0
    """How often the canary's golden rows came out otherwise than in its bundle."""
    strained: bool = False
    """Whether admission refused calls, or the canary's host had to wait for a processor: then nobody is to blame."""
    canary_scores: Spread = NO_SCORES
    champion_scores: Spread = NO_SCORES
    champion_out: int = 0
    """Of its broken runs those in which no row was at fault: its lane was out."""
    canary_away: int = 0
    """Runs of the canary for which nobody was there; they are not among its runs."""
    champion_away: int = 0


NOTHING = Health()
"""No run, no death, no strain."""


@dataclass(frozen=True, slots=True)
class Window:
    """One flush."""

    worker: str
    sequence: int
    """1 for a worker's first, then one more each."""
    at: float
    """When it was flushed, in seconds on the clock that all workers of a rollout share."""
    settled_until: float
    """Every call that this worker admitted before is settled, and was flushed."""
    step: int = 0
    """The index of the rollout's step that the worker serves."""
    calls: tuple[Settled, ...] = ()
    spent: int = 0
    """Calls of units that have nothing more to say in this step: counted here, not carried."""
    pairs: tuple[Pair, ...] = ()
    health: Health = NOTHING
    lapsed: bool = False
    """Whether the canary had lost its weight for a part of the time, for nobody steered."""
    last: bool = False
    """Whether the worker has ended: nothing more of it is to be awaited."""
    comparison: Comparison = NO_COMPARISON
    """Of the rows of the pairs."""
