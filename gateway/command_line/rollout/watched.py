"""What a watcher knows: the last overview, how it came about, and whether the control plane is still heard. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rich.text import Text

from gateway.command_line.rollout import page
from gateway.command_line.rollout.trace import Trace
from gateway.command_line.rollout.words import visible
from protos.sluice.v1 import rollouts_pb2 as pb
from routing.figure import span
from routing.rollout import State

WAITING = "waiting for one to begin (sluice rollout start); Ctrl-C leaves"
"""Of a deployment that has had none so far."""


@dataclass(frozen=True, slots=True)
class Watched:
    """`deployment` is the one that is watched, "" for all."""

    deployment: str
    found: pb.Overview | None = None
    traces: Mapping[str, Trace] = field(default_factory=dict)
    """By deployment."""
    ran: frozenset[str] = frozenset()
    """Rollouts that were seen running."""
    silence: str = ""
    """Why nothing is heard; empty: it is."""
    silent_since: float = 0.0
    silent_at: float = 0.0
    """When that was found out again, in unix seconds."""

    def heard(self, found: pb.Overview) -> "Watched":
        """Return what is known with one more overview."""
        states = [one.rollout for one in found.deployments if one.HasField("rollout")]
        traces = {
            state.deployment: self.traces.get(state.deployment, Trace()).heard(state, found.at) for state in states
        }
        ran = self.ran | {state.name for state in states if not page.over(state)}
        return replace(self, found=found, traces=traces, ran=ran, silence="")

    def silent(self, reason: str, now: float) -> "Watched":
        """Return what is known when nothing is heard any more, from a moment on in unix seconds."""
        since = self.silent_since if self.silence else now
        return replace(self, silence=reason, silent_since=since, silent_at=now)

    def told(self, deployment: str, events: Sequence[pb.Event]) -> "Watched":
        """Return what is known with the deployment's last events: of them those of its last rollout."""
        of_last = [one for one in events if one.rollout.name == events[-1].rollout.name]
        trace = replace(self.traces.get(deployment, Trace()), events=of_last)
        return replace(self, traces={**self.traces, deployment: trace})

    @property
    def states(self) -> list[pb.RolloutState]:
        """The rollouts that are watched: of one deployment its last, of all those that were seen running."""
        all_of_them = [] if self.found is None else [one.rollout for one in self.found.deployments]
        return [state for state in all_of_them if state.name and (self.deployment or state.name in self.ran)]

    @property
    def awaited(self) -> bool:
        """Whether the deployment that is watched has had no rollout at all: somebody is about to begin one."""
        return bool(self.deployment and self.found is not None and not self.states)

    @property
    def result(self) -> int | None:
        """How it ended: 0, all are done; 1, one was taken back; None while one still runs."""
        if not all(page.over(state) for state in self.states):
            return None
        return 0 if all(state.state == State.DONE for state in self.states) else 1


def changed(before: Watched, now: Watched) -> list[str]:
    """Return the deployments whose rollout has gone somewhere, or is heard of for the first time."""
    known = {state.deployment: _place(state) for state in before.states}
    return [state.deployment for state in now.states if known.get(state.deployment) != _place(state)]


def screen(watched: Watched, now: float) -> list[Text]:
    """Return the live page: those deployments first whose rollouts run, of others a line."""
    lines = _silence(watched, now)
    if watched.found is None:
        return lines
    lines.append(page.leader(watched.found))
    for one in sorted(watched.found.deployments, key=lambda one: page.over(one.rollout)):
        whole = watched.deployment or one.rollout.name in watched.ran
        trace = watched.traces.get(one.deployment, Trace())
        drawn = page.deployment(one, watched.found.at, trace)
        lines += [Text(), *(drawn if whole else drawn[:1])]
    return [*lines, Text(WAITING, "yellow")] if watched.awaited else lines


def _silence(watched: Watched, now: float) -> list[Text]:
    if not watched.silence:
        return []
    since = span(now - watched.silent_since)
    return [
        Text(f"NOT HEARD for {since}: {visible(watched.silence)}; trying again", "bold red"),
        Text("Below is how it stood then. Champions serve on; a canary's weight lapses unless it is renewed.", "red"),
    ]


def _place(state: pb.RolloutState) -> tuple[object, ...]:
    return state.name, state.state, state.step, state.settled, state.table
