"""A rollout's steps: as the plan that is shown when it begins, and as the way that it has gone."""

from collections.abc import Sequence

from rich.text import Text

from gateway.command_line.rollout.columns import columns
from protos.sluice.v1 import rollouts_pb2 as pb
from routing.figure import percent, span
from routing.rollout import State
from routing.schedule import Stage

_HEADING = ("step", "stage", "candidate", "at least", "for", "to enter", "to leave")


def plan(steps: Sequence[pb.Step]) -> list[str]:
    """Return the steps as a table with a heading."""
    return columns([_HEADING, *(_row(number, step) for number, step in enumerate(steps, 1))])


def _row(number: int, step: pb.Step) -> tuple[str, ...]:
    what = "pairs" if step.stage == Stage.SHADOW else "units of each arm"
    return (
        str(number),
        step.stage,
        percent(step.weight) if step.weight else "answers nobody",
        f"{step.least_exposure:,} {what}" if step.least_exposure else "-",
        span(step.least_seconds),
        "an approval" if step.approval else "-",
        "proof that it is not worse" if step.proof else "no guard against it",
    )


def way(state: pb.RolloutState) -> Text:
    """Return the steps in a line: those behind, the present one, those ahead."""
    done = state.state == State.DONE
    parts: list[tuple[str, str]] = []
    for index, step in enumerate(state.steps):
        mark, style = _mark(index, state, done)
        asks = " (approval)" if step.approval and index > state.step and not done else ""
        parts.append((f"{mark} {_named(step)}{asks}   ", style))
    text = Text.assemble(*parts)
    text.rstrip()
    return text


def _mark(index: int, state: pb.RolloutState, done: bool) -> tuple[str, str]:
    if index < state.step or done:
        return "✓", "green"
    if index > state.step:
        return "○", "dim"
    if state.state in (State.ROLLING_BACK, State.ROLLED_BACK, State.ABORTED):
        return "✗", "red"
    return "●", "bold"


def _named(step: pb.Step) -> str:
    return f"{step.stage} {percent(step.weight)}" if step.weight else step.stage
