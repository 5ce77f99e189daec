"""How a worker's lanes themselves have fared since the last flush: for the floors of the judge."""

from collections.abc import Iterable, Set

from gateway.backends.host_toll import Toll, Tolled, no_toll
from gateway.lane import Decided, Outcome
from routing.window import NO_SCORES, Health, Spread

MOST_AT_FAULT = 1 << 16
"""Units of an arm that are remembered for having broken a run; beyond that all are forgotten."""
STARVED = 0.5
"""The share of its time for which a lane host waits for a processor, and more than that is a strain."""


class HealthBook:
    """Counts runs of either arm, and looks after the lane host of the canary."""

    def __init__(self) -> None:
        self._runs, self._broken, self._out, self._away = [0, 0], [0, 0], [0, 0], [0, 0]
        self._spreads = [NO_SCORES, NO_SCORES]
        self._at_fault: list[set[int]] = [set(), set()]
        self._strained = False
        self._tolled: Tolled = no_toll
        self._known = Toll()
        self._taken: float | None = None

    def watch(self, tolled: Tolled) -> None:
        """Look after a host from now on, of which nothing is known yet; one that is looked after already goes on."""
        if tolled != self._tolled:
            self._tolled, self._known = tolled, Toll()

    def ran(self, canary: bool) -> None:
        """Count a run."""
        self._runs[canary] += 1

    def broke(self, canary: bool, out: bool = False) -> None:
        """Count a run that failed, and failed again when it was repeated; the lane is `out` if no row was at fault."""
        self._broken[canary] += 1
        self._out[canary] += out

    def away(self, canary: bool) -> None:
        """Count a run for which nobody was there."""
        self._away[canary] += 1

    def told_again(self, canary: bool, units: Set[int]) -> bool:
        """Whether a run was broken by rows of such units alone as have broken one of that arm before.

        A card whose row breaks the model, and that makes most of an arm's calls, would look like a lane that is out.
        """
        known = self._at_fault[canary]
        again = bool(units) and units <= known
        if len(known) >= MOST_AT_FAULT:
            known.clear()
        known |= units
        return again

    def scored(self, canary: bool, outcomes: Iterable[Outcome | None]) -> bool:
        """Take in what an arm's bundle decided; return whether it decided anything."""
        scores = [one.outputs["score"] for one in outcomes if isinstance(one, Decided)]
        if scores:
            spread = Spread(len(scores), min(scores), max(scores))
            self._spreads[canary] = self._spreads[canary].merged(spread)
        return bool(scores)

    def strain(self) -> None:
        """Say that calls were refused for want of room."""
        self._strained = True

    def take(self, now: float) -> Health:
        """Return the health since the last time; `now` is on a clock that goes on."""
        toll, known, since = self._tolled(), self._known, self._taken
        self._known, self._taken = toll, now
        starved = since is not None and toll.waited - known.waited > STARVED * (now - since)
        health = Health(
            canary_runs=self._runs[True],
            canary_broken=self._broken[True],
            champion_runs=self._runs[False],
            champion_broken=self._broken[False],
            champion_out=self._out[False],
            host_deaths=toll.deaths - known.deaths,
            golden_wrong=toll.golden_wrong - known.golden_wrong,
            strained=self._strained or starved,
            canary_scores=self._spreads[True],
            champion_scores=self._spreads[False],
            canary_away=self._away[True],
            champion_away=self._away[False],
        )
        self._runs, self._broken, self._out, self._away = [0, 0], [0, 0], [0, 0], [0, 0]
        self._spreads, self._strained = [NO_SCORES, NO_SCORES], False
        return health
