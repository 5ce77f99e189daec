"""Who watches a line: its shadows, and the pairs of the rollout that is under way."""

import random
import time
from collections.abc import Callable, Mapping

from gateway.backends.seat import Seat
from gateway.deployment import Deployment
from gateway.lane import Lane
from gateway.meters import ShadowMeters
from gateway.mirror import Mirror
from gateway.pairs import WAITING, Contender, Pairs
from gateway.shadow import Shadow
from gateway.stored import StoredReader
from gateway.witness import Witness
from monitoring.series import SeriesFile
from routing import table
from routing.table import CANARY, CHAMPION

SeatOf = Callable[[Lane], Seat]


class Watching:
    """Makes the mirrors of one line. `seat_of` says where a lane's bundle runs."""

    def __init__(self, deployment: Deployment, seat_of: SeatOf, features: StoredReader, series: SeriesFile) -> None:
        self._deployment = deployment
        self._seat_of = seat_of
        self._features = features
        self._series = series

    def mirrors(
        self, answering: Mapping[str, Lane], shadows: Mapping[table.Shadow, Lane], witness: Witness | None
    ) -> tuple[Mirror, ...]:
        """Return all of them. A shadow that is a rollout's candidate sees its rows in pairs, and only there."""
        if witness is None:
            return tuple(self._shadow(lane, one.rate) for one, lane in shadows.items())
        rate, rest = self._deployment.rollout.pair_rate, dict(shadows)
        candidate = answering.get(CANARY)
        if candidate is None and shadows:
            first = next(iter(shadows))
            rate, candidate = first.rate, rest.pop(first)
        mirrors = [self._shadow(lane, one.rate) for one, lane in rest.items()]
        if candidate is not None:
            mirrors.insert(
                0, self._pairs(candidate, answering[CHAMPION], rate, witness)
            )  # as the table has its shadows
        return tuple(mirrors)

    def _shadow(self, lane: Lane, rate: float) -> Mirror:
        meters = self._meters(lane)
        return Mirror(Shadow(lane, self._features, meters, time.monotonic), rate, meters.dropped, random.random)

    def _pairs(self, candidate: Lane, champion: Lane, rate: float, witness: Witness) -> Mirror:
        """Where the candidate's host has a copy of the champion that one runs; else each runs where it serves."""
        seat, meters = self._seat_of(candidate), self._meters(candidate)
        witness.health.watch(seat.toll)
        if seat.copy is not None:
            other = Contender(champion, seat.copy, seat.turn)
        else:
            other = Contender(champion, champion.backend, champion.turn)
        own = Contender(candidate, candidate.backend, candidate.turn)
        pairs = Pairs(
            own, other, self._features, meters, witness, random.random, in_turn=seat.remote or champion.remote
        )
        return Mirror(pairs, rate, meters.dropped, random.random, WAITING, faults=True, at_once=1)

    def _meters(self, lane: Lane) -> ShadowMeters:
        return ShadowMeters(self._series, self._deployment.name, lane.version)
