"""What a log is told of the rollouts that are watched: a line for each change, and every half minute how they stand.

A rollout's table is loaded before it is served, and its first verdict in a step is the last one of the step before:
none of that is a change that anybody waits for, and said as one it would look like the same state twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.command_line.rollout import page
from gateway.command_line.rollout.watched import WAITING, Watched
from gateway.command_line.rollout.words import hour, visible
from protos.sluice.v1 import rollouts_pb2 as pb
from routing.figure import percent, span
from routing.rollout import State

EVERY = 30.0
"""Seconds after which it is said again how a rollout stands that goes on, or that nobody is heard."""
HELD = 5.0
"""Seconds after the last line before another verdict is one by itself."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What was said last of a deployment; `at` is unix seconds."""

    at: float
    place: tuple[object, ...]
    verdict: tuple[str, str]


class News:
    """Remembers what it has said. Ask it for lines whenever something is heard, or nothing is."""

    def __init__(self) -> None:
        self._said: dict[str, _Said] = {}
        self._leaderless = self._awaited = False
        self._silence = float("-inf")  # when it was said last that nobody is heard

    def lines(self, watched: Watched) -> list[str]:
        """Return what is to be said now."""
        if watched.silence:
            return list(self._of_silence(watched))
        if watched.found is None:
            return []
        clock = hour(watched.found.at)
        told = [*self._of_control(watched.found), *self._of_all(watched.found), *self._of_waiting(watched.awaited)]
        return [f"{clock} {line}" for line in told]

    def _of_waiting(self, awaited: bool) -> Iterator[str]:
        if awaited and not self._awaited:
            yield WAITING
        self._awaited = awaited

    def _of_silence(self, watched: Watched) -> Iterator[str]:
        since, at, why = watched.silent_since, watched.silent_at, visible(watched.silence)
        if self._silence < since:
            yield f"{hour(since)} not heard: {why}; trying again"
        elif at - self._silence < EVERY:
            return
        else:
            yield f"{hour(at)} not heard for {span(at - since)}: {why}; trying again"
        self._silence = at

    def _of_control(self, found: pb.Overview) -> Iterator[str]:
        if self._silence > float("-inf"):
            self._silence = float("-inf")
            yield "heard again"
        if self._leaderless != (not found.leader):
            self._leaderless = not found.leader
            yield page.NOBODY_LEADS if self._leaderless else f"{visible(found.leader)} leads"

    def _of_all(self, found: pb.Overview) -> Iterator[str]:
        for one in found.deployments:
            before, now = self._said.get(one.deployment), _Said(found.at, _place(one), _verdict(one))
            if before is None or before.place != now.place:
                line = _changed(one)
            elif _is_due(before, now, one.rollout):
                line = _going_on(one, found.at)
            else:
                continue
            self._said[one.deployment] = now
            yield line


def _is_due(before: _Said, now: _Said, state: pb.RolloutState) -> bool:
    if not state.name or page.over(state):
        return False
    quiet = now.at - before.at
    return quiet >= EVERY or (quiet >= HELD and now.verdict != before.verdict)


def _place(one: pb.DeploymentState) -> tuple[object, ...]:
    """What has to change for it to be news at once: figures alone are none."""
    state = one.rollout
    troubles = tuple((gateway.name, trouble) for gateway in one.gateways for trouble in page.troubles(gateway))
    return state.name, state.state, state.step, state.approved_by, one.frozen, one.trouble, troubles


def _verdict(one: pb.DeploymentState) -> tuple[str, str]:
    return one.rollout.verdict.outcome, one.rollout.verdict.guard


def _changed(one: pb.DeploymentState) -> str:
    state = one.rollout
    if one.trouble:
        return f"{one.deployment}: {visible(one.trouble)}"
    if not state.name:
        return f"{one.deployment}: no rollout so far"
    approved = [f"approved by {visible(state.approved_by)}"] if state.approved_by else []
    return "; ".join([f"{_named(state)}: {visible(state.reason)}", *_judged(state), *approved, *_held(one)])


def _going_on(one: pb.DeploymentState, now: float) -> str:
    """Return how a rollout stands that has not moved: for how long, what is missing, and when that may be there."""
    state = one.rollout
    ahead = [] if page.judged(state) else [line.plain for line in page.ahead(state, now)]
    return "; ".join([f"{_named(state)} for {span(now - state.since)}", *_judged(state), *ahead, *_held(one)])


def _named(state: pb.RolloutState) -> str:
    step, steps, weight = state.step + 1, len(state.steps), percent(state.weight)
    if state.state == State.AWAITING_APPROVAL:  # of the step to come, which is the one that `approve` names
        at = f" at {weight}" if state.weight else ""
        return f"{state.name} {state.state} of step {step + 1} of {steps}, in step {step}{at}"
    return f"{state.name} {state.state}{f' {weight}' if state.weight else ''} (step {step} of {steps})"


def _judged(state: pb.RolloutState) -> list[str]:
    """Return the verdict, unless it is the very reason why it is where it is, or nobody waits for one."""
    if page.judged(state) or not state.HasField("verdict") or state.verdict.reason == state.reason:
        return []
    return [f"verdict {state.verdict.outcome}: {visible(state.verdict.reason)}"]


def _held(one: pb.DeploymentState) -> Iterator[str]:
    """Yield what keeps it, and whom."""
    if not (one.rollout.settled or page.over(one.rollout)):
        yield page.UNSERVED
    if one.frozen:
        yield f"held: {visible(one.frozen)}"
    for gateway in one.gateways:
        for trouble in page.troubles(gateway):
            yield f"gateway {visible(gateway.name)}: {trouble}"
