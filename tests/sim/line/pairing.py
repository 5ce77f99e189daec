"""Both bundles on the same row, in the same host, one after the other in random order: which of them was worse.

The cut-off of the tail is frozen once enough of the champion's times were seen, as a gateway freezes it.
"""

import numpy as np

from gateway.backends.backend import BackendError
from routing.declared import Declared
from routing.window import Pair
from tests.sim.line.manner import Manner

RATE = 0.05
"""The share of rows that both bundles are run on."""
CALIBRATED_ON = 100
_TAIL = 0.99


class Pairing:
    """Draws pairs for the guards that are declared."""

    def __init__(self, declared: Declared, champion: Manner, canary: Manner, rng: np.random.Generator) -> None:
        self._bits = {measure.name: 1 << index for index, measure in enumerate(declared.measures)}
        self._margins = {measure.name: measure.margin for measure in declared.measures}
        self._champion = champion
        self._canary = canary
        self._rng = rng
        self._times: list[float] = []
        self._cut_off = float("inf")

    def take(self, rows: int, now: float) -> list[Pair]:
        """Return the pairs of so many rows that were answered."""
        return [self._pair(now) for _ in range(int(self._rng.binomial(rows, RATE)))]

    def _pair(self, now: float) -> Pair:
        canary, champion = (self._try(one, now) for one in (self._canary, self._champion))
        if isinstance(canary, BackendError) or isinstance(champion, BackendError):
            flaky = self._bits["flaky"]
            return Pair(flaky * isinstance(canary, BackendError), flaky * isinstance(champion, BackendError))
        self._calibrate(champion)
        return Pair(self._signs(canary, champion), self._signs(champion, canary))

    def _try(self, manner: Manner, now: float) -> float | BackendError:
        if manner.fails(1, now, self._rng):
            return BackendError("no reason")
        return manner.seconds(1, now, self._rng)

    def _signs(self, own: float, other: float) -> int:
        slower = own > other * (1.0 + self._margins["slower"])
        return self._bits["slower"] * slower | self._bits["tail"] * (own > self._cut_off)

    def _calibrate(self, seconds: float) -> None:
        if len(self._times) < CALIBRATED_ON:
            self._times.append(seconds)
            if len(self._times) == CALIBRATED_ON:
                self._cut_off = float(np.quantile(self._times, _TAIL)) * (1.0 + self._margins["tail"])
