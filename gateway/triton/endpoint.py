"""One replica of a bundle: what is under way there, how long it takes, and whether it may be asked at present.

A replica that is gone leaves at once, one that says nothing after a few runs in a row, one that is far slower than the
others when they are weighed. None comes back by itself: whoever keeps it has it prove that it is well again.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types

from gateway.backends.backend import Away, BackendError, TooLate
from gateway.pace import Pace
from gateway.triton.failures import Busy, Expired
from gateway.triton.meters import EndpointMeters
from gateway.triton.wire import rows_of

# Runs in a row of which nothing was heard: one alone may have been long, or begun with too little time.
SILENT_RUNS = 5
# Of a run's time, the part that must have passed for one that was cancelled to count as late.
_LATE_SHARE = 0.9


class Infers(Protocol):
    """Whatever can run a request."""

    async def infer(self, request: pb.ModelInferRequest, seconds: float) -> pb.ModelInferResponse:
        """Return the answer. Raises `BackendError`; who stops waiting cancels the run."""


class Standing(Enum):
    """Whether a replica may be asked."""

    WELL = "well"
    SLOW = "slow"
    """Only when nobody else is there."""
    AWAY = "away"


class Endpoint:
    """A replica. `server` runs the requests; `clock` goes on."""

    def __init__(self, address: str, server: Infers, meters: EndpointMeters, clock: Callable[[], float]) -> None:
        self.address = address
        self.standing = Standing.AWAY
        self.why = "it has not been asked yet"
        self.outstanding = 0
        self.runs = 0
        """Since it entered."""
        self.pace = Pace()
        self.gone = asyncio.Event()
        """Set while it is out of the ranks."""
        self.gone.set()
        self._server = server
        self._clock = clock
        self._meters = meters
        self._silent = 0

    def enter(self) -> None:
        """It is well."""
        self.standing, self.why, self.runs, self._silent = Standing.WELL, "", 0, 0
        self.pace = Pace()
        self.gone.clear()
        self._meters.entered()

    def leave(self, why: str, standing: Standing = Standing.AWAY) -> None:
        """Ask it no more, until it enters again."""
        was_well = self.standing is Standing.WELL
        self.standing, self.why = standing, why
        self.gone.set()
        if was_well:
            self._meters.left(slow=standing is Standing.SLOW)

    async def infer(self, request: pb.ModelInferRequest, seconds: float) -> pb.ModelInferResponse:
        """Run a request here, and learn from what comes of it."""
        began = self._clock()
        self._under_way(1)
        try:
            response = await self._server.infer(request, seconds)
        except (BackendError, asyncio.CancelledError) as exc:
            self._learn(exc, self._clock() - began, seconds)
            raise
        finally:
            self._under_way(-1)
        self._silent = 0
        self.runs += 1
        self.pace.observe(rows_of(request), self._clock() - began)
        return response

    def repeated(self) -> None:
        """Count a run that another replica had been asked for first."""
        self._meters.repeated.add()

    def _under_way(self, more: int) -> None:
        self.outstanding += more
        self._meters.outstanding.set(self.outstanding)

    def _learn(self, failure: BaseException, took: float, seconds: float) -> None:
        """A replica that answers at all is there, whatever it says."""
        if isinstance(failure, asyncio.CancelledError) and took < _LATE_SHARE * seconds:
            return
        if isinstance(failure, Expired | Busy):
            self._silent = 0
        elif isinstance(failure, asyncio.CancelledError | TooLate):
            self._silent += 1
            if self._silent >= SILENT_RUNS:
                self.leave(f"it did not answer {self._silent} runs in a row")
        elif isinstance(failure, Away):
            self.leave(str(failure))
        else:
            self._silent = 0
