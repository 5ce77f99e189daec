"""Answers that were given again to whoever repeated a call, as their decision records want them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from gateway.batch import Batch
from gateway.call import Priority
from gateway.intake import Row
from gateway.kept_answer import KeptAnswer
from monitoring.records.block import Block, Shape

LONGEST_TRACE = 55
"""A W3C traceparent's length; what is longer is none."""
_DEFAULT = Priority.DEFAULT


@dataclass(frozen=True, slots=True)
class Replay:
    """Rows of a list with the answers that they were given again, at `ended` on the worker's monotonic clock."""

    batch: Batch
    given: Sequence[tuple[Row, KeptAnswer]]
    ended: float

    def choose(self, wants: Callable[[Row], bool]) -> "Replay":
        """Return some of the rows."""
        return Replay(self.batch, [one for one in self.given if wants(one[0])], self.ended)

    def by_lane(self) -> Iterator["Replay"]:
        """Yield the rows apart, by who had answered them and who should have."""
        for _, same in groupby(sorted(self.given, key=_lane_of), key=_lane_of):
            yield Replay(self.batch, list(same), self.ended)

    def shape(self, deployment: str, table: int) -> Shape:
        """Return what the rows of one lane have in common: no features, for none were looked at."""
        kept, plan = self.given[0][1], self.batch.stored.plan
        return Shape(
            deployment=deployment,
            table=table,
            arm=kept.arm,
            version=kept.bundle_version,
            digest=kept.bundle_digest,
            policy=kept.policy_version,
            entities=tuple((key.name, key.type) for key in plan.entities),
            request=tuple((feature.name, feature.type) for feature in plan.request),
            stored=(),
            views=(),
            model=(),
            statuses=(),
        )

    def block(self, shape: bytes, written: int) -> Block:
        """Return the records of the rows of one lane."""
        stored, started = self.batch.stored, self.batch.started
        rows, answers = [row for row, _ in self.given], [kept for _, kept in self.given]
        return Block(
            shape=shape,
            written=written,
            event_now=stored.event_now,
            assigned=answers[0].assigned or answers[0].arm,
            features=stored.seconds,
            infer=0.0,
            carried=self.ended - started,
            ids=[row.call.request_id for row in rows],
            units=[row.unit for row in rows],
            traces=[row.call.traceparent[:LONGEST_TRACE] for row in rows],
            waited=[started - row.call.received for row in rows],
            entities=[row.call.entities for row in rows],
            request=[row.call.features for row in rows],
            decisions=[kept.decision for kept in answers],
            outputs=[kept.outputs for kept in answers],
            stored=b"",
            model=b"",
            stamps=(),
            odd={},
            degraded={at: kept.degraded_reasons for at, kept in enumerate(answers) if kept.degraded_reasons},
            priorities={
                at: row.call.priority.name.lower() for at, row in enumerate(rows) if row.call.priority != _DEFAULT
            },
            errors={},
            given_before={at: kept.at for at, kept in enumerate(answers)},
        )


def _lane_of(given: tuple[Row, KeptAnswer]) -> tuple[str, ...]:
    kept = given[1]
    return kept.arm, kept.bundle_version, kept.bundle_digest, kept.policy_version, kept.assigned
