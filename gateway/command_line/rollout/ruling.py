"""A replay as a table: what was decided then, beside what the judge says now."""

from collections.abc import Sequence

from gateway.command_line.rollout.columns import columns
from gateway.command_line.rollout.page import became
from gateway.command_line.rollout.words import hour, visible
from protos.sluice.v1 import rollouts_pb2 as pb
from routing.figure import span

_HEADING = ("time (UTC)", "after", "decided then", "says the judge now")


def side_by_side(events: Sequence[pb.Event], rulings: Sequence[pb.Ruling]) -> list[str]:
    """Return a line for each event and each ruling of one rollout, in the order in which they came.

    What is ruled at the moment of a decision led to it, and stands before it.
    """
    rows = [(one.at, "", _ruled(one.verdict)) for one in rulings] + [(one.at, _decided(one), "") for one in events]
    rows.sort(key=lambda row: row[0])
    return columns([_HEADING, *((hour(at), span(at - rows[0][0]), then, now) for at, then, now in rows)])


def _decided(entry: pb.Event) -> str:
    return f"{visible(entry.note) or became(entry)} ({visible(entry.by)})"


def _ruled(verdict: pb.Verdict) -> str:
    return f"{verdict.outcome}: {visible(verdict.reason)}"
