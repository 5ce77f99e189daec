"""The cut-off beyond which a run counts as one of the tail: taken from the champion's first runs, and then frozen.

Frozen, because a cut-off that follows the runs follows the canary's own load, too. One that turned out too high or too
low costs power and never fairness: both bundles meet the same one.
"""

from math import ceil, inf

RUNS = 1_000
"""Runs of the champion that it is taken from; before there are so many nothing is of the tail."""
_QUANTILE = 0.99


class Cutoff:
    """The champion's p99 and a `margin`, as a share of it, more."""

    def __init__(self, margin: float, runs: int = RUNS) -> None:
        self._margin = margin
        self._runs = runs
        self._seen: list[float] = []
        self.seconds = inf
        """What a run may take; everything, until it is frozen."""

    def observe(self, seconds: float) -> None:
        """Take in a run of the champion; once it is frozen this does nothing."""
        if self.seconds < inf:
            return
        self._seen.append(seconds)
        if len(self._seen) == self._runs:
            self.seconds = sorted(self._seen)[ceil(_QUANTILE * self._runs) - 1] * (1.0 + self._margin)
            self._seen.clear()
