"""A shadow: runs on a sample of answered rows, after the replies have left, and compares the decisions."""

from collections.abc import Callable, Sequence

from gateway.attempt import Attempt
from gateway.lane import Decided, Lane
from gateway.meters import ShadowMeters
from gateway.sample import Sample, ready
from gateway.stored import StoredReader

# Seconds that a run of a shadow may take before it is given up.
RUN_PATIENCE = 1.0


class Shadow:
    """One shadow lane."""

    def __init__(self, lane: Lane, features: StoredReader, meters: ShadowMeters, clock: Callable[[], float]) -> None:
        self.lane = lane
        self._features = features
        self._meters = meters
        self._clock = clock

    async def watch(self, samples: Sequence[Sample]) -> None:
        """Run on all of them together."""
        matrix, _ = await ready(self.lane, samples, self._features)
        outcomes = await Attempt(self.lane, self._clock, self._clock() + RUN_PATIENCE).run(matrix)
        for sample, outcome in zip(samples, outcomes, strict=True):
            if not isinstance(outcome, Decided):
                self._meters.count(decided=False, flip=False)
            elif isinstance(sample.outcome, Decided):
                self._meters.count(decided=True, flip=outcome.decision != sample.outcome.decision)
