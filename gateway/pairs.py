"""Pairs: candidate and champion on the same row, one after the other in random order, in the same place.

What lists in production take cannot be compared: their lengths, places and priorities differ. Here both bundles get one
row each, nobody waits for them, and chance alone says who comes first: whatever favours the first or the second favours
neither bundle.

Each runs twice, in turn, and the second run counts. The very first finds the caches cold and took twice as long as the
next: that would drown whatever difference there is. Measured on a gradient booster of 200 trees, beside four busy
processes: of pairs of equal bundles 99 % differ by more than a tenth with one run each, 67 % with the second of two;
by the wall's clock, 86 %.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Away, Backend, BackendError, Timed
from gateway.errors import InvalidRequest
from gateway.intake import Row
from gateway.lane import Decided, Lane
from gateway.meters import ShadowMeters
from gateway.money import Money
from gateway.sample import Sample, ready
from gateway.signs import Half
from gateway.stored import StoredReader
from gateway.witness import Witness
from routing.table import NOT_DRAWN

# Seconds that a pair may take before it is given up, and that lie between two at least: with 20 of them a second far
# less than one call in a hundred meets one, and 2,000 take a worker two minutes. Triton needs one second to find that a
# model's process is dead, and only what it then says counts against the model: what was given up counts for nothing.
RUN_PATIENCE = 2.0
PAUSE = 0.05
# Pairs may take this part of a processor, however long the models run.
DUTY = 0.1
# Rows that may wait for their pair.
WAITING = 64


class Contender(NamedTuple):
    """One bundle as it runs in pairs: `backend` need not be its lane's own."""

    lane: Lane
    backend: Backend
    turn: AbstractAsyncContextManager[object]

    async def run(self, row: NDArray[np.float32]) -> Timed | BackendError:
        """Run on a row; what is raised is returned."""
        try:
            async with self.turn:
                result = await self.backend.timed(row, RUN_PATIENCE)
            if len(result.scores) != 1:
                raise BackendError(f"{len(result.scores)} scores for one row")
        except BackendError as exc:
            return exc
        return result

    def half(self, row: NDArray[np.float32], runs: Sequence[Timed | BackendError]) -> Half:
        """Return what came of its runs, of which the last one counts; one that raised at all has raised."""
        if any(isinstance(one, BackendError) for one in runs) or isinstance(runs[-1], BackendError):
            return Half(None, 0.0)
        (outcome,) = self.lane.decide(row, runs[-1].scores.tolist())
        return Half(outcome, runs[-1].seconds)


class Pairs:
    """The pairs of one rollout, on one line. `first` returns a number in [0, 1): from ½ on the champion begins.

    `in_turn` says that no run is asked for before the one before it has ended: on a server that queues them, the second
    of a bundle would be timed with the first.
    """

    def __init__(
        self,
        candidate: Contender,
        champion: Contender,
        features: StoredReader,
        meters: ShadowMeters,
        witness: Witness,
        first: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        in_turn: bool = False,
    ) -> None:
        self._candidate = candidate
        self._champion = champion
        self._features = features
        self._meters = meters
        self._witness = witness
        self._first = first
        self._sleep = sleep
        self._in_turn = in_turn

    @property
    def lane(self) -> Lane:
        """The candidate's."""
        return self._candidate.lane

    async def watch(self, samples: Sequence[Sample]) -> None:
        """Make a pair of every row that can be read for both."""
        ours = await ready(self._candidate.lane, samples, self._features)
        theirs = await ready(self._champion.lane, samples, self._features)
        for at, sample in enumerate(samples):
            if at not in ours.places & theirs.places or _pinned(sample.row):
                continue
            took = await self._pair(sample.row, ours.matrix[at : at + 1], theirs.matrix[at : at + 1])
            await self._sleep(max(PAUSE, took * (1.0 / DUTY - 1.0)))

    async def _pair(self, row: Row, ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
        """Make one pair; return the seconds of a processor that it took."""
        order = [(self._candidate, ours), (self._champion, theirs)]
        if self._first() >= 0.5:
            order.reverse()
        patience = RUN_PATIENCE * (2 * len(order) if self._in_turn else 1)
        try:
            async with asyncio.timeout(patience):
                runs = await self._run(order * 2)
        except TimeoutError:
            self._meters.dropped.add()
            return patience
        took = sum(one.seconds for one in runs if isinstance(one, Timed))
        if any(isinstance(one, Away) for one in runs):
            self._meters.dropped.add()
            return took
        halves = {one.lane.arm: one.half(matrix, runs[at::2]) for at, (one, matrix) in enumerate(order)}
        self._note(row, halves[self._candidate.lane.arm], halves[self._champion.lane.arm])
        return took

    async def _run(self, order: Sequence[tuple[Contender, NDArray[np.float32]]]) -> list[Timed | BackendError]:
        if self._in_turn:
            return [await one.run(matrix) for one, matrix in order]
        # All are asked at once: between two runs of a host there is no pause in which it could cool down.
        return await asyncio.gather(*(one.run(matrix) for one, matrix in order))

    def _note(self, row: Row, candidate: Half, champion: Half) -> None:
        if isinstance(candidate.outcome, InvalidRequest) or isinstance(champion.outcome, InvalidRequest):
            return
        ours, theirs = candidate.decided, champion.decided
        self._meters.count(ours is not None, ours is not None and theirs is not None and ours[0] != theirs[0])
        self._witness.health.scored(True, [candidate.outcome])
        self._witness.health.scored(False, [champion.outcome])
        self._witness.pairs.note(candidate, champion, None if row.number == NOT_DRAWN else row.number)
        if ours is not None and theirs is not None and self.lane.scored:
            self._witness.pairs.compare(theirs, ours, _entity(row), self._gained(row, ours, theirs))

    def _gained(self, row: Row, ours: Decided, theirs: Decided) -> float:
        money = self.lane.policy.money
        if money is None or row.call.vector is not None:
            return 0.0
        names = [feature.name for feature in self._champion.lane.plan.request]
        request = dict(zip(names, row.request, strict=False))  # the integer keys that follow have no names here
        return _worth(money, ours, request) - _worth(money, theirs, request)


def _worth(money: Money, decided: Decided, request: dict[str, float]) -> float:
    return money.worth(decided.decision, {**request, **decided.outputs})


def _pinned(row: Row) -> bool:
    """Whether somebody has chosen the row's arm: it is evidence of nothing."""
    return row.number == NOT_DRAWN and row.call.vector is None


def _entity(row: Row) -> str:
    """Return whose row it is: of a call that names no entity its unit."""
    if not row.call.entities:
        return row.unit
    return ", ".join(f"{name} {value}" for name, value in sorted(row.call.entities.items()))
