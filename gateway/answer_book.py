"""The answers that a deployment has given, kept so that a repeated call gets the one that was given first.

They are looked up in the write that reads the features, and kept by a second one before the reply leaves: of two calls
that are repeated at the same moment one is first, and both get its answer. Only callers' own request ids count.
"""

import time
from collections.abc import Callable, Sequence

from gateway import kept_answer
from gateway.batch import Batch, Tried
from gateway.errors import AnswersUnavailable, GatewayError, InvalidRequest
from gateway.features.beside import ValueStore
from gateway.idempotency import REFUSE, IdempotencyRule
from gateway.intake import Row
from gateway.kept_answer import KeptAnswer, digest_of, key_of
from gateway.lane import Decided
from gateway.meters import BookMeters
from gateway.record import Recorder
from gateway.replay import Replay

# The part of what is left to the hurried row of a list that keeping its answers may use up.
KEEP_SHARE = 0.5
AWAY = "the answers given before cannot be reached, and this deployment answers nothing that may change: try again"
REUSED = "request id {!r:.140} was answered before, and to another call: give every call an id of its own"

Refuse = Callable[[Row, GatewayError], None]


class AnswerBook:
    """One deployment's. `clock` is the worker's monotonic one, `wall` gives unix seconds."""

    def __init__(
        self,
        deployment: str,
        rule: IdempotencyRule,
        store: ValueStore,
        meters: BookMeters,
        recorder: Recorder,
        clock: Callable[[], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._deployment = deployment
        self._rule = rule
        self._store = store
        self._meters = meters
        self._recorder = recorder
        self._clock = clock
        self._wall = wall

    def keys(self, rows: Sequence[Row]) -> list[bytes]:
        """Return what is to be looked up for these rows."""
        return [self._key(row) for row in rows if row.call.own_id]

    def replay(self, batch: Batch, refuse: Refuse) -> Batch:
        """Answer the rows that were answered before, refuse those that may not go on, and return the others."""
        found, left, given = batch.stored.beside, [], list[tuple[Row, KeptAnswer]]()
        for at, row in enumerate(batch.rows):
            if not row.call.own_id or ((key := self._key(row)) in found and found[key] is None):
                left.append(at)
                continue
            said = self._reading(row, found.get(key))
            if isinstance(said, KeptAnswer):
                given.append((row, said))
            elif isinstance(said, AnswersUnavailable) and self._rule.away != REFUSE:
                left.append(at)  # it may still be kept: that it could not be looked up is told then
            else:
                refuse(row, said)
        self._give(batch, given)
        return batch.take(left)

    async def keep(self, tried: Tried) -> None:
        """Keep what a lane is about to answer; rows that somebody else has answered meanwhile get that answer now."""
        own = self._about_to_be_given(tried)
        if not own:
            return
        began = self._clock()
        rows = tried.batch.rows
        timeout = KEEP_SHARE * (min([rows[at].call.deadline for at in own]) - began)
        # Of two calls of one list the first in it is the first, even where both answers are the same bytes.
        first = {key: at for at, (key, _) in reversed(own.items())}
        lying = await self._store.keep({key: own[at][1] for key, at in first.items()}, self._rule.ttl, timeout)
        tried.keeping = self._clock() - began
        tried.ended += tried.keeping
        given = []
        for at, (key, value) in own.items():
            if first[key] == at and lying.get(key) == value:
                self._meters.kept.add()
                continue
            said = self._reading(rows[at], lying.get(key))
            if isinstance(said, KeptAnswer):
                tried.replayed.add(at)
                given.append((rows[at], said))
            elif isinstance(said, AnswersUnavailable) and self._rule.away != REFUSE:
                tried.unkept.add(at)
            else:
                tried.outcomes[at] = said
        self._give(tried.batch, given)

    def _about_to_be_given(self, tried: Tried) -> dict[int, tuple[bytes, bytes]]:
        """By row: the key of its answer, and the bytes."""
        digest, now = tried.lane.digest, self._wall()
        return {
            at: (self._key(row), kept_answer.keep(digest_of(row.call), tried.answer(at, row, outcome), digest, now))
            for at, (row, outcome) in enumerate(zip(tried.batch.rows, tried.outcomes, strict=True))
            if row.call.own_id and isinstance(outcome, Decided) and not row.settled and row.call.deadline >= tried.ended
        }

    def _key(self, row: Row) -> bytes:
        return key_of(self._deployment, row.call.request_id)

    def _reading(self, row: Row, value: bytes | None) -> KeptAnswer | GatewayError:
        """Return what a row's caller is to be told because of what lies under its key; None: nobody knows."""
        kept = None if value is None else kept_answer.read(value)
        if kept is None:
            self._meters.unknown.add()
            return AnswersUnavailable(AWAY)
        if kept.asked != digest_of(row.call):
            self._meters.reused.add()
            return InvalidRequest(REUSED.format(row.call.request_id))
        return kept

    def _give(self, batch: Batch, given: Sequence[tuple[Row, KeptAnswer]]) -> None:
        """Answer rows with what was kept; whose deadline has passed was answered by that."""
        given = [(row, kept) for row, kept in given if not row.settled]
        if not given:
            return
        ended, features = self._clock(), batch.stored.seconds
        for row, kept in given:
            received = row.call.received
            row.settle(kept.answer(batch.started - received, features, ended - received))
        self._meters.replay([row.call.received for row, _ in given], ended)
        self._recorder.replay(Replay(batch, given, ended))
