"""What can be seen of a row's outcome, or of a pair of them, by the guards of a rollout: a bit for each of them."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.backends.backend import BackendError
from gateway.errors import FeaturesMissing, InvalidRequest, PredictionFailed
from gateway.fault_search import Outage
from gateway.lane import Decided, Outcome
from routing.declared import Measure
from routing.order import UNKNOWN
from routing.window import Pair


class Half(NamedTuple):
    """One bundle on the row of a pair: None and 0 where it raised."""

    outcome: Outcome | None
    seconds: float

    @property
    def decided(self) -> Decided | None:
        """What it decided, if it did."""
        return self.outcome if isinstance(self.outcome, Decided) else None


class Signs:
    """The bits of what can be seen of an outcome, of a row at fault, of a pair: that of index i is 1 << i."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        bits = {measure.name: 1 << index for index, measure in enumerate(measures)}
        margins = {measure.name: measure.margin for measure in measures}
        self._row_fault = bits.get("row_faults", 0)
        self._contract = bits.get("contract", 0)
        self._decisions = {decision: bits[measure.name] for measure in measures for decision in measure.decisions}
        self._slower, self._tail = bits.get("slower", 0), bits.get("tail", 0)
        self._flips, self._shift = bits.get("flips", 0), bits.get("score_shift", 0)
        self.flaky = bits.get("flaky", 0)
        """The sign of a bundle that raised in a pair."""
        self._slower_by, self._shift_by = margins.get("slower", 0.0), margins.get("score_shift", 0.0)
        self.tail_by = margins.get("tail", 0.0)
        """By which share of the champion's p99 a run may take longer and not be of the tail."""

    def of(self, outcome: Outcome) -> int:
        """Return what an outcome shows. A caller's mistake is no arm's; of what was late or not run nobody knows."""
        if isinstance(outcome, Decided):
            return self._decisions.get(outcome.decision, 0)
        if isinstance(outcome, PredictionFailed) and outcome.contract:
            return self._contract
        if isinstance(outcome, InvalidRequest):
            return 0
        return self._row_fault if isinstance(outcome, FeaturesMissing) else UNKNOWN

    def of_search(self, found: BackendError | None) -> int:
        """Return what the search of a failed run shows of a row without a score: its own fault, or nothing."""
        return UNKNOWN if found is None or isinstance(found, Outage) else self._row_fault

    def of_pair(self, canary: Half, champion: Half, cutoff: float) -> Pair:
        """Return what a pair shows; more seconds than `cutoff` are the tail's.

        Times are compared where both ran. Where the champion decided, to decide nothing is to decide otherwise.
        """
        of_pair = self._answers(canary.decided, champion.decided)
        return Pair(
            of_pair | self._alone(canary, champion, cutoff),
            self._alone(champion, canary, cutoff),
        )

    def _alone(self, own: Half, other: Half, cutoff: float) -> int:
        if own.outcome is None:
            return self.flaky
        if other.outcome is None:
            return 0
        slower = self._slower if own.seconds > other.seconds * (1.0 + self._slower_by) else 0
        return slower | (self._tail if own.seconds > cutoff else 0)

    def _answers(self, canary: Decided | None, champion: Decided | None) -> int:
        if champion is None:
            return 0
        if canary is None:
            return self._flips
        flip = self._flips if canary.decision != champion.decision else 0
        distance = abs(canary.outputs["score"] - champion.outputs["score"])
        return flip | (self._shift if distance > self._shift_by else 0)
