"""The line: how a list of rows of one deployment becomes answers. Read it from top to bottom.

Nothing here is per request that can be per list: one read of the feature store, one matrix and one run a lane. Rows
leave as soon as their own lane is done, and a row whose deadline passes leaves then, whatever its neighbours wait for.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gateway.admission import Admission
from gateway.attempt import Attempt, Ran
from gateway.batch import Batch, Tried
from gateway.beside import NOTHING_BESIDE, Beside
from gateway.deployment import Deployment
from gateway.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    GatewayError,
    InternalError,
    Overloaded,
    PredictionFailed,
)
from gateway.expiry import Expiry
from gateway.fault_search import FaultSearch
from gateway.intake import Row
from gateway.lane import Decided, Lane, Outcome
from gateway.lanes import Lanes
from gateway.lease import Lease
from gateway.matrix import matrix_of
from gateway.meters import NO_ARM, Meters
from gateway.record import Recorder
from gateway.rescue import RescueBudget
from gateway.stored import StoredReader, refusal_of
from gateway.witness import NO_TICKET, Ticket, Witness
from routing.table import CANARY, CHAMPION, FALLBACK

log = logging.getLogger("sluice.line")

# The part of what is left to a list that the feature store may use up.
FEATURE_SHARE = 0.4
# What a lane must leave to the one that stands in for it, beside the time of a run: to notice, and to answer. Seconds.
HANDING_OVER = 0.003
# Of the time that is left a lane on a server gets so much where another one stands in, but so many times what its runs
# take as a rule: one that is gone without a word is known by its silence alone. And never more than the most: runs that
# were cut off are taken to be as long as they were let go on, and the next would be let go on for longer still.
REMOTE_SHARE = 0.5
REMOTE_PATIENCE = 4.0
REMOTE_MOST = 0.85
EXPIRED = DeadlineExceeded("the deadline passed while the call was worked on")
# Failures that another lane may mend; a call that is wrong stays wrong.
MENDABLE = (PredictionFailed, BackendUnavailable, DeadlineExceeded)


class Line:
    """Carries lists of one deployment. `clock` is the worker's monotonic clock.

    `witness` notes rows for a rollout's judge; without a `lease` that holds, the canary gets none.
    """

    def __init__(
        self,
        deployment: Deployment,
        lanes: Lanes,
        features: StoredReader,
        admission: Admission,
        meters: Meters,
        recorder: Recorder,
        clock: Callable[[], float],
        witness: Witness | None = None,
        lease: Lease | None = None,
        beside: Beside = NOTHING_BESIDE,
    ) -> None:
        self.deployment = deployment
        self.lanes = lanes
        self._champion = lanes.answering[CHAMPION]
        self._given = lanes.given()
        self._succession = {arm: lanes.succession(arm) for arm in (CHAMPION, CANARY)}
        self._features = features
        self.admission = admission
        self._aside: set[asyncio.Task[None]] = set()
        self._rescues = RescueBudget()
        self._faults = FaultSearch(meters.faults)
        self._meters = meters
        self._recorder = recorder
        self._clock = clock
        self._witness = witness
        self._lease = lease
        self._beside = beside
        self._without_canary = replace(deployment.table, canary=None)

    @property
    def takes_turns(self) -> bool:
        """Whether the champion's runs go one after the other, beside the event loop."""
        return isinstance(self._champion.turn, asyncio.Lock)

    @property
    def gathers(self) -> bool:
        """Whether calls that come while lists are on their way gain by going together."""
        return self._champion.joins()

    async def serve(self, rows: list[Row]) -> None:
        """Answer every row, each exactly once. The rows have passed the intake."""
        started = self._clock()
        self._meters.list_rows.observe(len(rows))
        self._rescues.earn(len(rows))
        expiry = Expiry(rows, self._clock, self.refuse)
        lapsed = self._lease is not None and not self._lease.holds(started)
        ticket = NO_TICKET if self._witness is None else self._witness.admit(started, lapsed)
        try:
            batch = await self._prepare(self._champion, rows, started, self._beside.keys(rows))
            parts = self._route(self._beside.replay(batch, self.refuse), lapsed)
            inline = [
                self._answer(arm, part, ticket) for arm, part in parts.items() if not self._put_aside(arm, part, ticket)
            ]
            await (inline[0] if len(inline) == 1 else asyncio.gather(*inline))
        finally:
            expiry.cancel()
            ticket.release()

    async def settled(self) -> None:
        """Return when the parts of lists that were put aside have been answered."""
        while self._aside:
            await asyncio.wait(self._aside)

    def refuse(self, row: Row, error: GatewayError, arm: str = NO_ARM) -> None:
        """Answer a row with a refusal or a failure, and count it."""
        if not row.settled:
            row.settle(error)
            self._meters.refuse(arm, error.code)

    def count_refusal(self, error: GatewayError) -> None:
        """Count a call that was refused before it had an arm."""
        if self._witness is not None and isinstance(error, Overloaded):
            self._witness.health.strain()
        self._meters.refuse(NO_ARM, error.code)

    async def close(self) -> None:
        """Let what was put aside and whoever watches finish. The backends are not the line's: another may use them."""
        await self.settled()
        await self._faults.close()
        for mirror in self.lanes.mirrors:
            await mirror.close()

    async def _prepare(self, lane: Lane, rows: Sequence[Row], started: float, beside: Sequence[bytes] = ()) -> Batch:
        if rows[0].call.vector is not None:
            return Batch(rows, self._features.unread(lane.plan, rows), matrix_of(rows), started)
        left = min([row.call.deadline for row in rows]) - self._clock()
        stored = await self._features.read(lane.plan, rows, FEATURE_SHARE * left, beside)
        return Batch(rows, stored, lane.build(rows, stored.values), started)

    def _route(self, batch: Batch, lapsed: bool) -> dict[str, Batch]:
        if batch.given and CANARY not in self._given.answering:
            return {CHAMPION: batch}
        table = self._without_canary if lapsed else self.deployment.table
        routed: dict[str, list[int]] = {}
        for index, row in enumerate(batch.rows):
            if self._witness is None:
                arm = table.arm_of(row.unit)
            else:
                arm, row.number = table.place(row.unit)
            routed.setdefault(arm, []).append(index)
        return {arm: batch.take(indices) for arm, indices in routed.items()}

    def _put_aside(self, arm: str, part: Batch, ticket: Ticket) -> bool:
        """Let a part whose lane runs elsewhere go on by itself: the list must not wait for an arm that may hang."""
        if arm == CHAMPION or self.lanes.answering[arm].blocking:
            return False
        ticket.hold()
        task = asyncio.get_running_loop().create_task(self._answer_aside(arm, part, ticket))
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
        return True

    async def _answer_aside(self, arm: str, part: Batch, ticket: Ticket) -> None:
        expiry = Expiry(part.rows, self._clock, self.refuse)
        try:
            await self._answer(arm, part, ticket)
        except Exception:  # supervised: a defect costs these rows an INTERNAL, and is logged
            log.exception("a part of a list failed", extra={"arm": arm, "rows": len(part.rows)})
            for row in part.rows:
                self.refuse(row, InternalError(), arm)
        finally:
            expiry.cancel()
            ticket.release()

    async def _answer(self, assigned: str, batch: Batch, ticket: Ticket) -> None:
        """One arm's part of the list: its own lane, and what that cannot answer goes to the lanes that stand in."""
        lanes = self._given.succession(assigned) if batch.given else self._succession[assigned]
        for place, lane in enumerate(lanes, 1):
            successor = lanes[place] if place < len(lanes) else None
            # The assembly gives equal plans one identity.
            same = lane.plan is self._champion.plan
            own = batch if same else await self._prepare(lane, batch.rows, batch.started)
            began = self._clock()
            # By the arm that was assigned, whoever answers in the end: a rescued row is its own arm's failure.
            ahead = self._beside.scored_ahead(lane, batch)
            outcomes, ran = await self._try(lane, own, successor, ticket if place == 1 else NO_TICKET, ahead.outcomes)
            tried = Tried(assigned, lane, own, outcomes, began, self._clock(), ran, ages=ahead.ages)
            await self._beside.keep(tried)
            passed = self._reply(tried, successor)
            self._record(tried)
            self._recorder.write(tried)
            self._mirror(tried)
            if not passed:
                return
            batch = batch.take(passed)

    async def _try(
        self, lane: Lane, batch: Batch, successor: Lane | None, ticket: Ticket, ahead: Mapping[int, Outcome]
    ) -> tuple[list[Outcome], Ran | None]:
        """Return what the lane makes of each row, and the run, if there was one.

        Rows that were scored ahead are not run, nor those that lack features which may not be defaulted.
        """
        unreadable = batch.stored.unreadable()
        known: dict[int, Outcome] = {**{at: refusal_of(missing) for at, missing in unreadable.items()}, **ahead}
        attempt = Attempt(lane, self._clock, self._until(lane, batch.rows, successor), alone=successor is None)
        wanted = [at for at in range(len(batch.rows)) if at not in known] if known else []
        matrix = batch.matrix[wanted] if known else batch.matrix
        outcomes = await attempt.run(matrix) if len(matrix) else []
        rows = [batch.rows[at] for at in wanted] if known else batch.rows
        if attempt.away:
            ticket.away(lane.arm)
        if attempt.raised:
            self._faults.settle(lane, matrix, ticket.search(lane, matrix, rows))
        else:
            if any(isinstance(one, Decided) for one in outcomes):
                self._faults.scored(lane, matrix)
            ticket.note(lane.arm, rows, outcomes)
        if known:
            ticket.note(lane.arm, [batch.rows[at] for at in known], list(known.values()), ran=False)
            scored = iter(outcomes)
            outcomes = [known[at] if at in known else next(scored) for at in range(len(batch.rows))]
        return outcomes, attempt.ran

    def _until(self, lane: Lane, rows: Sequence[Row], successor: Lane | None) -> float:
        """Return the moment by which the lane must be done, so that the successor can still answer."""
        until = min([row.call.deadline for row in rows])
        if successor is None:
            return until
        until -= HANDING_OVER + successor.pace.expect(len(rows))
        if not lane.remote:
            return until
        now = self._clock()
        left = until - now
        patience = max(REMOTE_SHARE * left, REMOTE_PATIENCE * lane.pace.expect(len(rows)))
        return now + min(REMOTE_MOST * left, patience)

    def _reply(self, tried: Tried, successor: Lane | None) -> list[int]:
        """Send every answer and every failure that nobody mends; return the rows that the successor is to answer."""
        passed = []
        # The fallback is cheap: where nothing was run before it, nobody's load grows, however long that lasts.
        free = successor is not None and successor.arm == FALLBACK and tried.ran is None
        for index, (row, outcome) in enumerate(zip(tried.batch.rows, tried.outcomes, strict=True)):
            if index in tried.replayed:
                continue
            if row.settled:
                tried.failed[index] = EXPIRED
                continue
            if isinstance(outcome, Decided):
                if row.call.deadline < tried.ended:
                    self._fail(tried, index, DeadlineExceeded("the answer was ready after the deadline"))
                else:
                    row.settle(tried.answer(index, row, outcome))
                    tried.answered.append(index)
            elif successor is not None and isinstance(outcome, MENDABLE) and (free or self._rescues.spend()):
                passed.append(index)
            else:
                self._fail(tried, index, outcome)
        return passed

    def _fail(self, tried: Tried, index: int, error: GatewayError) -> None:
        tried.failed[index] = error
        self.refuse(tried.batch.rows[index], error, tried.assigned)

    def _record(self, tried: Tried) -> None:
        """Count what became of the rows, after the replies are on their way."""
        meters, lane = self._meters.arms[tried.assigned], tried.lane
        rows = tried.batch.rows
        if lane.arm == tried.assigned == CHAMPION and tried.ran is not None:
            self.admission.took(*tried.ran, lane.blocking)
        meters.answered.add(len(tried.answered))
        if len(tried.answered) < len(rows):
            broken = sum(isinstance(one, PredictionFailed) and one.contract for one in tried.outcomes)
            self._meters.faults[lane.arm].contract.add(broken)
        if lane.arm != tried.assigned:
            meters.rescued.add(len(tried.answered))
        received = [rows[index].call.received for index in tried.answered]
        meters.total.observe_since(received, tried.ended)
        self._meters.queue.observe_since(received, tried.batch.started)
        deciding = self._meters.arms[lane.arm]
        deciding.infer.observe(tried.infer)
        for index in tried.answered:
            outcome = tried.outcomes[index]
            if isinstance(outcome, Decided):
                deciding.decisions[outcome.decision].add()

    def _mirror(self, tried: Tried) -> None:
        for mirror in (self._given if tried.batch.given else self.lanes).mirrors:
            seen = [*tried.answered, *tried.faulty] if mirror.faults else tried.answered
            chosen = [index for index in seen if mirror.wants()]
            if chosen and self.admission.strained(tried.ended):
                mirror.drop(len(chosen))
            elif chosen:
                mirror.take([tried.sample(index) for index in chosen])
