"""How a deployment and its rollout stand, as a page to read. A pure function: a state in, lines out."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from gateway.command_line.rollout import evidence
from gateway.command_line.rollout.steps import way
from gateway.command_line.rollout.trace import Trace
from gateway.command_line.rollout.words import hour, moment, visible
from protos.sluice.v1 import rollouts_pb2 as pb
from routing.figure import figure, percent, span
from routing.rollout import FINAL, State
from routing.verdict import Outcome

_STYLE_OF_STATE: dict[str, str] = {
    State.DONE: "bold green",
    State.AWAITING_APPROVAL: "bold yellow",
    State.ROLLING_BACK: "bold red",
    State.ROLLED_BACK: "bold red",
    State.ABORTED: "bold red",
}
NOBODY_LEADS = "nobody leads: nothing is judged, nothing goes forward, and canaries lose their weight"
"""Who reads that starts `sluice control`, or looks into its log."""
UNSERVED = "not served by every gateway yet"
LAPSED = "the canary's weight has lapsed: the champion answers all units"
"""Of a gateway."""
_INDENT = 12
_DIGEST = 12
_EXAMPLES = 3
_WIDEST_STATE = max(map(len, State))


def over(state: pb.RolloutState) -> bool:
    """Whether nothing will happen to it any more by itself."""
    return state.state in FINAL


def judged(state: pb.RolloutState) -> bool:
    """Whether it has been judged: nothing that is said of its candidate matters any more."""
    return over(state) or state.state == State.ROLLING_BACK


def overview(found: pb.Overview) -> list[Text]:
    """Return a page of all deployments."""
    lines = [leader(found)]
    for one in found.deployments:
        lines += [Text(), *deployment(one, found.at)]
    return lines


def leader(found: pb.Overview) -> Text:
    """Return the line that says who leads, and when that was said."""
    at = f"{moment(found.at)} UTC   "
    if found.leader:
        return Text(f"{at}leader {visible(found.leader)}", "dim")
    return Text.assemble((at, "dim"), (NOBODY_LEADS, "bold red"))


def deployment(one: pb.DeploymentState, now: float, trace: Trace | None = None) -> list[Text]:
    """Return how one deployment stands; a `trace` adds how evidence came about, and what has happened."""
    lines = [_heading(one, now)]
    if one.HasField("rollout"):
        lines += _rollout(one.rollout, now, trace)
    lines += _under("gateways", [_gateway(gateway, one.rollout, now) for gateway in one.gateways])
    if one.frozen:
        lines += _under("held", [Text(visible(one.frozen), "bold yellow")])
    if trace is not None and trace.events:
        lines += _under("events", [event(entry) for entry in trace.events])
    return lines


def event(entry: pb.Event) -> Text:
    """Return one entry of the event log."""
    return Text.assemble(
        f"{hour(entry.at)}  ",
        (f"{became(entry):<{_WIDEST_STATE}}", _style(entry.rollout)),
        f"  {visible(entry.by)}: {because(entry)}",
    )


def became(entry: pb.Event) -> str:
    """Return where an event left the rollout; empty: where it was."""
    state = entry.rollout
    if entry.note:
        return ""
    return f"{state.state} {percent(state.weight)}" if state.weight else state.state


def because(entry: pb.Event) -> str:
    """Return what was done, or else why the rollout was changed."""
    return visible(entry.note or entry.rollout.reason)


def troubles(gateway: pb.Gateway) -> list[str]:
    """Return what is wrong in a gateway."""
    return [*([LAPSED] if gateway.lapsed else []), *([visible(gateway.trouble)] if gateway.trouble else [])]


def _heading(one: pb.DeploymentState, now: float) -> Text:
    if one.trouble:
        return Text.assemble((one.deployment, "bold"), ": ", (visible(one.trouble), "bold red"))
    if not one.HasField("rollout"):
        return Text.assemble((one.deployment, "bold"), ": no rollout so far")
    state = one.rollout
    weight = f" at {percent(state.weight)} of units" if state.weight else ""
    waiting = "" if state.settled or over(state) else f", {UNSERVED}"
    lapsed = sum(gateway.lapsed for gateway in one.gateways) if state.weight else 0
    return Text.assemble(
        (one.deployment, "bold"),
        ": ",
        (state.state, _style(state)),
        weight,
        (f", lapsed in {lapsed} of {len(one.gateways)} gateways," if lapsed else "", "bold red"),
        f" for {span(now - state.since)}{waiting}",
    )


def _style(state: pb.RolloutState) -> str:
    return _STYLE_OF_STATE.get(state.state, "bold")


def _rollout(state: pb.RolloutState, now: float, trace: Trace | None) -> Iterator[Text]:
    began = f"{state.name}, requested by {visible(state.requested_by)} {span(now - state.begun)} ago"
    yield from _under("rollout", [Text(began)])
    yield from _under("arms", [Text(_arms(state))])
    yield from _under("steps", [way(state)])
    yield from _under("because", [Text(visible(state.reason))])
    if not judged(state):
        yield from _under("verdict", [evidence.verdict(state)])
        yield from _under("next", ahead(state, now))
    yield from _under("guards", list(evidence.guards(state.guards, trace)))
    proof = evidence.proof(state)
    yield from _under("proof", [] if proof is None or judged(state) else [proof])
    if state.comparison.rows:
        yield from _under("pairs", list(_pairs(state.comparison)))


def _arms(state: pb.RolloutState) -> str:
    champion, candidate = state.champion, f"{state.candidate} ({state.digests.get('bundle', 'no digest')[:_DIGEST]})"
    if state.state == State.DONE:
        return f"{candidate} is champion; {champion} is kept warm, `sluice rollout undo` returns to it"
    if judged(state):
        return f"{champion} is champion; {candidate} was to replace it"
    shares = percent(1 - state.weight), percent(state.weight)
    return f"{champion} is champion and answers {shares[0]} of units; candidate {candidate} answers {shares[1]}"


def ahead(state: pb.RolloutState, now: float) -> list[Text]:
    """Return when the present step may be left, as things go, and what that takes of people."""
    lines = []
    if when := _when(state, now):
        lines.append(Text(when))
    following = state.step + 1
    if state.approved_by:
        lines.append(Text(f"approved by {visible(state.approved_by)}", "green"))
    elif state.state == State.AWAITING_APPROVAL or (following < len(state.steps) and state.steps[following].approval):
        step = f"step {following + 1} of {len(state.steps)}"
        lines.append(Text(f"{step} needs an approval: sluice rollout approve {state.deployment}", "bold yellow"))
    return lines


def _when(state: pb.RolloutState, now: float) -> str:
    """Return when the present step may be left, or from when on, where how things go is not known yet."""
    if state.expected_seconds:
        return f"as things go, this step may be left in {span(state.expected_seconds)}"
    if state.verdict.outcome != Outcome.CANNOT_TELL or not state.settled:
        return ""
    left = state.steps[state.step].least_seconds - (now - state.since)
    if state.state == State.AWAITING_APPROVAL or left <= 0:
        return "when this step may be left cannot be said yet"
    return f"this step may be left in {span(left)} at the earliest"


def _gateway(gateway: pb.Gateway, state: pb.RolloutState, now: float) -> Text:
    behind = f" of {state.table}" if gateway.table < state.table else ""
    table = f"table {gateway.table}" if gateway.table else "not every worker has every arm ready"
    line = Text(f"{visible(gateway.name)}  {table}{behind}, heard {span(now - gateway.at)} ago")
    for trouble in troubles(gateway):
        line.append(f"  {trouble}", "bold red")
    return line


def _pairs(found: pb.Comparison) -> Iterator[Text]:
    money = f", worth {found.money:+,.2f} by the policy's prices if it is right" if found.money else ""
    flip = "decision flips" if found.flips == 1 else "decisions flip"
    flips = f"{found.flips:,} {flip} ({percent(found.flips / found.rows)}){money}"
    yield Text(f"{found.rows:,} rows scored by both: {flips}, scores {figure(found.mean_distance)} apart")
    if found.quantiles:
        shifts = (
            f"{percent(one.quantile)} {figure(one.champion)} -> {figure(one.candidate)}" for one in found.quantiles
        )
        yield Text("quantiles of scores: " + ", ".join(shifts))
    if found.most_different:
        most = found.most_different[:_EXAMPLES]
        named = (f"{visible(one.entity)} {figure(one.champion)} -> {figure(one.candidate)}".lstrip() for one in most)
        hidden = "" if all(one.entity for one in most) else "; --entities says whose"
        yield Text("most different: " + ", ".join(named) + hidden)


def _under(name: str, lines: Sequence[Text]) -> Iterator[Text]:
    for line in lines:
        yield Text.assemble((f"  {name:<{_INDENT - 2}}", "dim"), line)
        name = ""
