"""Whether the split splits as it says: a rollout whose arms do not get their units cannot be judged.

Each unit's first call is the canary's with a probability that is known. What moves that is no property of a bundle: a
caller that retries one arm only, a broken salt, records that one arm loses. (Sequentially, as Lindon & Malek, NeurIPS
2022, arXiv:2011.03567, propose.)
"""

from routing.evidence import two_sided
from routing.units import Taken

# Ratios that are bet on: a split is wrong by little long before anybody would call an arm bad.
_FINE = (1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 5.0)


class SampleRatio:
    """Counts units' first calls by arm."""

    def __init__(self, alpha: float, began: float) -> None:
        self._alpha = alpha
        self._evidence = two_sided(1.0, began, _FINE)
        self._new: dict[float, list[int]] = {}
        self.expected = 0.0
        """Units that should have been the canary's."""
        self.seen = 0
        """Those that were."""

    def call(self, canary: bool, taken: Taken) -> None:
        """Count a call, if it is its unit's first in a step."""
        if taken.first:
            self.expected += taken.share
            self.seen += canary
            self._new.setdefault(taken.share, [0, 0])[canary] += 1

    def look(self, now: float) -> bool:
        """Weigh what has come; return whether the split is off."""
        new, self._new = self._new, {}
        for share, (champion, canary) in new.items():
            self._evidence = self._evidence.observed(canary, champion, share, now)
        return self._evidence.value >= 1.0 / self._alpha
