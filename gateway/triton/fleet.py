"""Whom to ask: of the replicas that are well, the one with the least under way; and once more, at most, another one.

With one list under way at a time the least outstanding is any of them, so a replica that is far slower than the others
is set apart until it has proved that it is not any more. What is repeated costs tokens, which runs earn: a fleet that
is late as a whole is not asked twice as much for it.
"""

import random
from collections.abc import Callable, Sequence

from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types

from gateway.backends.backend import Away
from gateway.rescue import RescueBudget, RescueLimits
from gateway.triton.endpoint import Endpoint, Standing
from gateway.triton.wire import rows_of

# A replica is slow that takes so many times as long as the fastest, and so many seconds more; known after so many runs.
SLOWER = 3.0
SLOWER_BY = 0.005
KNOWN_AFTER = 20
# Where another replica is there, the first may take this part of the time, but so many times what it takes as a rule:
# one that has stopped then costs nobody his answer.
FIRST_SHARE = 0.5
PATIENCE = 4.0
_REPEATS = RescueLimits(earned=0.1, most=10.0)


class Fleet:
    """The replicas of one bundle. `draw` chooses among equals."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        clock: Callable[[], float],
        draw: Callable[[Sequence[Endpoint]], Endpoint] = random.choice,
    ) -> None:
        self._endpoints = tuple(endpoints)
        self._clock = clock
        self._draw = draw
        self._repeats = RescueBudget(_REPEATS)

    async def infer(self, request: pb.ModelInferRequest, seconds: float) -> pb.ModelInferResponse:
        """Run a request on one replica, or on a second where the first is away and there is time. See `Infers`."""
        ends, rows = self._clock() + seconds, rows_of(request)
        first = self._choose()
        try:
            response = await first.infer(request, self._share(first, rows, seconds))
        except Away:
            left = ends - self._clock()
            second = self._second(first, rows, left)
            if second is None or not self._repeats.spend():
                raise
            second.repeated()
            return await second.infer(request, left)
        self._repeats.earn(1)
        self._weigh(first, rows)
        return response

    def trouble(self) -> str:
        """Say why nobody can be asked, or ""."""
        if any(one.standing is not Standing.AWAY for one in self._endpoints):
            return ""
        return "; ".join(f"Triton at {one.address} is away: {one.why}" for one in self._endpoints)

    def fast_enough(self, endpoint: Endpoint, seconds: float) -> bool:
        """Whether a run of one row in so many seconds is no reason to set a replica apart."""
        known = [one.pace.expect(1) for one in self._well(besides=endpoint) if one.runs >= KNOWN_AFTER]
        return not known or not _slow(seconds, min(known))

    def _share(self, first: Endpoint, rows: int, seconds: float) -> float:
        """Return the seconds that the first replica gets: all, where nobody could be asked after it."""
        if self._repeats.left < 1.0 or not self._well(besides=first):
            return seconds
        return min(seconds, max(FIRST_SHARE * seconds, PATIENCE * first.pace.expect(rows)))

    def _choose(self) -> Endpoint:
        among = self._well() or [one for one in self._endpoints if one.standing is Standing.SLOW]
        if not among:
            raise Away(self.trouble())
        least = min(one.outstanding for one in among)
        return self._draw([one for one in among if one.outstanding == least])

    def _second(self, first: Endpoint, rows: int, left: float) -> Endpoint | None:
        among = [one for one in self._well(besides=first) if one.pace.expect(rows) < left]
        return min(among, key=lambda one: one.outstanding, default=None)

    def _well(self, besides: Endpoint | None = None) -> list[Endpoint]:
        return [one for one in self._endpoints if one is not besides and one.standing is Standing.WELL]

    def _weigh(self, endpoint: Endpoint, rows: int) -> None:
        """Set a replica apart that is far slower than the fastest."""
        if endpoint.runs < KNOWN_AFTER or endpoint.standing is not Standing.WELL:
            return
        others = [one.pace.expect(rows) for one in self._well(besides=endpoint) if one.runs >= KNOWN_AFTER]
        if others and _slow(own := endpoint.pace.expect(rows), min(others)):
            why = f"it takes {own * 1e3:.1f} ms where another takes {min(others) * 1e3:.1f}"
            endpoint.leave(why, Standing.SLOW)


def _slow(seconds: float, fastest: float) -> bool:
    return seconds > SLOWER * fastest and seconds > fastest + SLOWER_BY
