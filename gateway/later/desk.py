"""Where calls are handed in and results are fetched: what the fronts do for Submit and Fetch."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping

from gateway.errors import InvalidRequest, Overloaded, QueueUnavailable, ResultNotFound
from gateway.fronts.desk import Submission
from gateway.later.settings import LONGEST_WAIT, QueueSettings
from gateway.later.store import Entry, QueueAway, Results
from protos.sluice.v1 import prediction_pb2 as pb

MOST_WAITING = 64
"""Fetches that wait in one worker: each is a call in hand. Further ones are answered at once."""
POLL = 0.02
"""Seconds between two looks for all results together that are waited for."""
FULL = "the queue is full: try again later"
FULL_RETRY = 1.0
ID_BYTES = 16


class QueueDesk:
    """Implements `fronts.desk.Desk` for one worker.

    `count` gets accepted, refused. `wall` gives unix seconds. Once `closing` is true nobody waits for a result.
    """

    def __init__(
        self,
        results: Results,
        settings: QueueSettings,
        count: Callable[[str], None],
        wall: Callable[[], float] = time.time,
        closing: Callable[[], bool] = bool,
    ) -> None:
        self._results = results
        self._settings = settings
        self._count = count
        self._wall = wall
        self._closing = closing
        self._waiting: dict[str, list[asyncio.Future[bytes | None]]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def submit(self, submission: Submission) -> str:
        """As `Desk.submit`."""
        longest = self._settings.result_ttl
        useful_for = submission.useful_for or longest
        if useful_for > longest:
            raise InvalidRequest(f"useful_for_ms is more than results are kept for: {longest * 1000:.0f} at most")
        result_id = secrets.token_hex(ID_BYTES)
        until = self._wall() + useful_for
        entry = Entry(result_id, submission.request.SerializeToString(), until, submission.traceparent)
        try:
            accepted = await self._results.add(entry)
        except QueueAway as exc:
            raise QueueUnavailable(f"{exc}: whether the call was queued is not known") from exc
        self._count("accepted" if accepted else "refused")
        if not accepted:
            raise Overloaded(FULL, FULL_RETRY)
        return result_id

    async def fetch(self, result_id: str, wait: float) -> bytes:
        """As `Desk.fetch`."""
        if len(result_id) != 2 * ID_BYTES or not result_id.isalnum():
            raise ResultNotFound(UNKNOWN)
        wait = min(wait, LONGEST_WAIT)
        try:
            (found,) = await self._results.look([result_id])
            if found == b"" and wait > 0.0 and len(self._waiting) < MOST_WAITING:
                found = await self._await(result_id, wait)
        except QueueAway as exc:
            raise QueueUnavailable(str(exc)) from exc
        if found is None:
            raise ResultNotFound(UNKNOWN)
        if found == b"":
            return pb.FetchResponse(result_id=result_id, state=pb.RESULT_STATE_PENDING).SerializeToString()
        return found

    async def close(self) -> None:
        """Answer everybody who waits."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        self._tell(dict.fromkeys(self._waiting, b""))

    async def _await(self, result_id: str, wait: float) -> bytes | None:
        """Return what there is when there is something, or after `wait` seconds."""
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(result_id, []).append(future)
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look(), name="results")
        try:
            return await asyncio.wait_for(future, wait)
        except TimeoutError:
            return b""
        finally:
            futures = self._waiting.get(result_id, [])
            if future in futures:
                futures.remove(future)
            if not futures:
                self._waiting.pop(result_id, None)

    async def _look(self) -> None:
        """Look for all that is waited for, while anything is; a store that is away tells everybody "not yet"."""
        try:
            while self._waiting:
                await asyncio.sleep(POLL)
                wanted = list(self._waiting)
                found = await self._results.look(wanted) if wanted else []
                over = self._closing()
                self._tell({one: result for one, result in zip(wanted, found, strict=True) if over or result != b""})
        except QueueAway:
            self._tell(dict.fromkeys(self._waiting, b""))
        finally:
            self._looking = None

    def _tell(self, found: Mapping[str, bytes | None]) -> None:
        for result_id, result in found.items():
            for future in self._waiting.pop(result_id, []):
                if not future.done():
                    future.set_result(result)


UNKNOWN = "no result of that id: there was never one, or it is not kept any more"
