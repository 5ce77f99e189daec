"""A rollout's event log as a note that a person can read months later: what happened, why, and on which numbers."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from routing.control.event import Event
from routing.figure import figure, many, of_enough, percent, span
from routing.rollout import Rollout, State
from routing.split import BUCKETS


def explain(events: Sequence[Event]) -> str:
    """Return the note in Markdown. `events` are one rollout's, the oldest first, and at least one."""
    last = events[-1].rollout
    lines = [
        f"# Rollout {last.name} of {last.deployment}: {last.state}",
        "",
        _summary(events),
        "",
        "## What happened",
        "",
    ]
    lines += [f"- {_clock(event.at)} {_line(event)}" for event in events]
    found = next((event for event in events if event.rollout.state is State.ROLLING_BACK), None)
    if found is not None:
        lines += ["", "## Why it went back", "", *_why(found)]
    if found is not None or last.state is State.DONE:
        lines += ["", "## What the judge knew", "", *_known(events)]
    exposures = list(_exposures(events))
    if exposures:
        lines += ["", "## What callers were exposed to, at most", "", *exposures]
    return "\n".join(lines) + "\n"


def _summary(events: Sequence[Event]) -> str:
    first, last = events[0], events[-1]
    rollout = last.rollout
    took = f"{span(last.at - first.at)} later it was {rollout.state}" if len(events) > 1 else f"it is {rollout.state}"
    return (
        f"Bundle {rollout.candidate} was to replace bundle {rollout.champion}. {rollout.requested_by} requested it on"
        f" {datetime.fromtimestamp(first.at, UTC):%Y-%m-%d at %H:%M:%S} UTC; {took}."
    )


def _line(event: Event) -> str:
    if event.note:
        return f"{event.note} ({event.by})"
    return f"**{_name(event.rollout)}** ({event.by}): {event.rollout.reason}"


def _name(rollout: Rollout) -> str:
    if rollout.weight:
        return f"{rollout.state} at {percent(rollout.weight / BUCKETS)} of all units"
    return str(rollout.state)


def _why(event: Event) -> Iterator[str]:
    yield event.rollout.reason + "."
    evidence, enough = event.numbers.get("evidence"), event.numbers.get("enough")
    if evidence and enough:
        yield ""
        yield (
            f"The evidence was {many(evidence)} where {figure(enough)} is enough: of canaries that are no worse than"
            f" is tolerated, at most {1 / enough:.2%} ever get so far, however often and however long one looks."
        )
    elif event.numbers:
        yield ""
        yield "Numbers: " + ", ".join(f"{name} {figure(value)}" for name, value in event.numbers.items()) + "."


def _known(events: Sequence[Event]) -> Iterator[str]:
    """Say what the judge had shown of it when it was judged last: as it went back, or was done."""
    ended = next((event for event in events if event.rollout.state in (State.ROLLING_BACK, State.DONE)), events[-1])
    if (view := ended.view) is None:
        yield "Nothing was kept of that: nobody led then, or nobody had been told yet."
        return
    champion, canary = view.units
    yield f"It had said last, at {_clock(ended.at)}: {view.verdict.outcome}: {view.verdict.reason}."
    seen = f"{champion:,} units of the champion's, {canary:,} of the canary's, {view.pairs:,} pairs"
    yield f"In its last step it had seen {seen}; in all:"
    yield ""
    for guard in view.guards:
        evidence = of_enough(guard.evidence, guard.enough) if guard.enough else many(guard.evidence)
        yield f"- {guard.guard}{' (only reports)' if guard.dry_run else ''}: evidence {evidence}; {guard.text}"
    yield f"- that it is not worse: evidence {of_enough(view.proof, view.proof_enough)}"
    yield ""
    yield (
        "Evidence x of y: what was seen is x times likelier if the candidate is worse than is tolerated (of the last"
        " line: if it is not worse), and y times is enough."
    )


def _exposures(events: Sequence[Event]) -> Iterator[str]:
    """Say for how long which share was the candidate's at most: some gateway serves a step at once, weights lapse."""
    shares = [list(alike) for _, alike in itertools.groupby(events, key=lambda event: _share(event.rollout))]
    for alike, following in itertools.pairwise(shares):
        if share := _share(alike[0].rollout):
            yield f"- {percent(share)} of all units for {span(following[0].at - alike[0].at)}"
    if share := _share(events[-1].rollout):
        yield f"- {percent(share)} of all units since {_clock(events[-1].at)}"


def _share(rollout: Rollout) -> float:
    return 1.0 if rollout.state is State.DONE else rollout.weight / BUCKETS


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
