"""What can be seen of a row's outcome by the guards of a rollout: a bit for each of them."""

from collections.abc import Sequence

from gateway.backends.backend import BackendError
from gateway.errors import FeaturesMissing, InvalidRequest, PredictionFailed
from gateway.fault_search import Outage
from gateway.lane import Decided, Outcome
from routing.declared import Measure
from routing.order import UNKNOWN


class Signs:
    """The bits of what can be seen of an outcome, and of a row at fault: that of index i is 1 << i."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        bits = {measure.name: 1 << index for index, measure in enumerate(measures)}
        self._row_fault = bits.get("row_faults", 0)
        self._contract = bits.get("contract", 0)
        self._decisions = {decision: bits[measure.name] for measure in measures for decision in measure.decisions}

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
