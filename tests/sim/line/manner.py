"""How an arm behaves: which rows break it, how often a run fails for no reason, how long it takes, when it is away."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Away, BackendError, Timed
from tests.sim.virtual_loop import VirtualLoop

When = Callable[[float], float]
"""Returns for a moment, in seconds, how much of something there is."""


STALLED = 50.0


def never(now: float) -> float:
    """Nothing, ever."""
    return 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """So `much` during the first `seconds` of every `every`."""

    much: float
    seconds: float
    every: float

    def __call__(self, now: float) -> float:
        """As `When`."""
        return self.much if now % self.every < self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Manner:
    """A row's first feature is its lot, 0 to 1, its unit's own: the lowest are those at which a run fails.

    Times are in seconds.
    """

    faulty: float = 0.0
    """The share of units whose rows break every run that they are in."""
    nan: float = 0.0
    """The share of units that are scored NaN."""
    flaky: float = 0.0
    """How probably a run fails, and succeeds when it is repeated..."""
    flaky_row: float = 0.0
    """...and how much more so for each of its rows."""
    fit_row: float = 0.0
    """For each row of a run, how probably it begins a fit: for so long every run fails, whatever its rows."""
    fit: float = 0.3
    away: When = never
    """How probably a run fails now, whatever its rows."""
    dead: When = never
    """Whether there is no lane host now."""
    gone: When = never
    """Whether a server far away cannot be asked now."""
    mirrored: bool = False
    """Whether it breaks at the units with the highest lots instead: as many, and others."""
    run: float = 0.0005
    row: float = 0.00003
    noise: float = 0.15
    """Of times: the standard deviation of their logarithm."""
    stall: float = 0.0
    """The share of runs that take fifty times as long."""
    slow: When = never
    """How long a run waits for a processor now, as a multiple of what it takes."""
    constant: bool = False
    """Whether every score is the same."""

    def seconds(self, rows: int, rng: np.random.Generator) -> float:
        """Draw how long a run takes."""
        usual = (self.run + self.row * rows) * (STALLED if self.stall and rng.random() < self.stall else 1.0)
        return usual * float(np.exp(self.noise * rng.standard_normal()))

    def fails(self, rows: int, now: float, rng: np.random.Generator) -> bool:
        """Draw whether a run fails for no reason of its rows."""
        kept = (1.0 - self.flaky - self.flaky_row * rows) * (1.0 - self.away(now))
        return kept < 1.0 and rng.random() >= kept

    def scores(self, lots: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score rows by their lots."""
        if self.constant:
            return np.full(len(lots), 0.5)
        return np.where(lots > 1.0 - self.nan, np.nan, lots) if self.nan else lots


class Arm:
    """A backend that behaves in a manner, in virtual time; `beside` says that it does not hold the event loop."""

    def __init__(self, manner: Manner, loop: VirtualLoop, rng: np.random.Generator, beside: bool) -> None:
        self.manner = manner
        self._loop = loop
        self._rng = rng
        self._beside = beside
        self._fit_until = 0.0

    async def run(self, rows: NDArray[np.float32], seconds: float = inf) -> NDArray[np.float64]:
        """Score rows after a while. Raises `BackendError` where the manner says so."""
        return (await self.timed(rows, seconds)).scores

    async def timed(self, rows: NDArray[np.float32], seconds: float = inf) -> Timed:
        """The same, with what it took of a processor: what it waited for one is not in it."""
        manner, now = self.manner, self._loop.time()
        if manner.dead(now) or manner.gone(now):
            raise Away("there is nobody")
        seconds = manner.seconds(len(rows), self._rng)
        waited = seconds * (1.0 + manner.slow(now))
        if self._beside:
            await asyncio.sleep(waited)
        else:
            self._loop.spend(waited)
        if why := self._trouble(rows, now):
            raise BackendError(why)
        return Timed(manner.scores(rows[:, 0].astype(np.float64)), seconds)

    async def close(self) -> None:
        """Nothing is held."""

    def _trouble(self, rows: NDArray[np.float32], now: float) -> str:
        manner = self.manner
        if now < self._fit_until:
            return "a fit"
        if manner.fit_row and self._rng.random() < manner.fit_row * len(rows):
            self._fit_until = now + manner.fit
            return "a fit begins"
        lots = 1.0 - rows[:, 0] if manner.mirrored else rows[:, 0]
        if float(lots.min()) < manner.faulty:
            return "a row that it cannot take"
        return "no reason" if manner.fails(len(rows), now, self._rng) else ""
