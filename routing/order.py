"""Calls in the order in which they were admitted, whichever worker settled them, and however late.

Events that settle later in one arm than in the other look, for a while, like a difference of the arms: a burst that
both shared rolled back 85 of 100 innocent canaries. So a call is judged only when every call admitted before it is
settled.
"""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

UNKNOWN = 1 << 62
"""The sign of a call of which nobody knows what it would have shown: its run was late, or was never begun.

It spends its unit and counts for the split like any other. Whatever is to be shown, it is taken as speaks against that:
as bad for the champion where harm of the canary is, and for the canary where its harmlessness is. Else an arm whose
calls are mostly late would look like one whose calls are mostly good.
"""


STEPPED = 2.0
"""Seconds: a worker whose watermark goes back by more has had its clock set back, for by itself it only goes on."""


class Settled(NamedTuple):
    """A call whose answer is known, as the judge sees it."""

    admitted: float
    """Seconds on the clock that all workers of a rollout share."""
    unit: int
    """The unit's number (`routing.split.Drawn`), which says nothing of its bucket."""
    canary: bool
    """Whether it was assigned to the canary, whoever answered."""
    step: int
    weight: int
    """The canary's, of 10,000, when the call was split."""
    signs: int
    """What was found of it: one bit for each guard."""
    epoch: int = 0
    """Grows whenever units are drawn anew: then each of them is fresh."""


class Order:
    """Holds settled calls back until none that was admitted before them can still come.

    A worker says with every flush up to when all its calls are settled: its watermark. What it settles behind its own
    word is dropped and counted, for it would come out of order.
    """

    def __init__(self) -> None:
        self._held: list[Settled] = []
        self._settled_until: dict[str, float] = {}
        self._passed = float("-inf")
        self.dropped = 0
        """Calls that came after their time."""

    @property
    def watermark(self) -> float:
        """Up to when everything is settled; without any worker, never."""
        return max(self._passed, min(self._settled_until.values(), default=self._passed))

    def join(self, worker: str, since: float) -> None:
        """Await what the worker settles of calls admitted from then on."""
        self._settled_until.setdefault(worker, since)

    def leave(self, worker: str) -> None:
        """Await nothing more of a worker: it is dead, or has drained."""
        self._settled_until.pop(worker, None)

    def put(self, worker: str, calls: Iterable[Settled], until: float) -> None:
        """Take a flush: calls in any order, and the worker's new watermark."""
        calls = tuple(calls)
        if until < self._settled_until.get(worker, until) - STEPPED:
            self._step_back(min((call.admitted for call in calls), default=until))
        for call in calls:
            if call.admitted < self._passed:
                self.dropped += 1
            else:
                heappush(self._held, call)
        self._settled_until[worker] = max(until, self._settled_until.get(worker, until))

    def _step_back(self, first: float) -> None:
        """The clock that is shared was set back: what comes now was admitted from `first` on, and is not late."""
        self._passed = min(self._passed, first)
        self._settled_until = {worker: min(at, first) for worker, at in self._settled_until.items()}

    def ready(self) -> Sequence[Settled]:
        """Return the calls before the watermark, in order; each is returned once."""
        self._passed = self.watermark
        calls = []
        while self._held and self._held[0].admitted < self._passed:
            calls.append(heappop(self._held))
        return calls
