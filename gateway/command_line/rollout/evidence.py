"""What a page says of the evidence: a bar for each guard, the verdict, and what a promotion still needs."""

import math
from collections.abc import Iterator, Sequence

from rich.text import Text

from gateway.command_line.rollout.gauges import bar, filled, sparkline
from gateway.command_line.rollout.trace import LENGTH, Trace, Trend, trend
from gateway.command_line.rollout.words import visible
from protos.sluice.v1 import rollouts_pb2 as pb
from routing.figure import many, of_enough
from routing.verdict import Outcome

_STYLE_OF_OUTCOME: dict[str, str] = {Outcome.PASS: "green", Outcome.FAIL: "bold red", Outcome.CANNOT_TELL: "yellow"}
_STYLE_OF_TREND: dict[Trend, str] = {"growing": "red", "falling": "green", "steady": "dim"}
_HALF_WAY = 0.5
LEGEND = "x of y: what was seen is x times likelier if the candidate is worse than tolerated; at y it is taken out"
"""How guards' lines are read. Evidence is a likelihood ratio, or is bounded as one is (`routing.evidence`)."""


def verdict(state: pb.RolloutState) -> Text:
    """Return what the judge said last."""
    if not state.HasField("verdict"):
        return Text("nothing yet", "dim")
    said = state.verdict
    return Text.assemble((said.outcome, _STYLE_OF_OUTCOME.get(said.outcome, "")), f": {visible(said.reason)}")


def guards(guards: Sequence[pb.GuardEvidence], trace: Trace | None = None) -> Iterator[Text]:
    """Yield a line for each guard; with a trace also where its evidence came from, and then a line of what was found.

    A live page is as wide as the terminal: what was counted stands on a line of its own there, if it speaks against it.
    """
    width = max((len(one.guard) for one in guards), default=0)
    scale = min((one.enough for one in guards if _acts(one)), default=math.inf)
    for one in guards:
        line = _guard(one, width, one.enough if _acts(one) else scale)
        if trace is None:
            yield line.append(f"  {visible(one.text)}")
            continue
        yield line.append_text(_course(trace.evidence.get(one.guard, ()), one.enough if _acts(one) else scale))
        if one.evidence > 1:
            yield Text(f"{'':<{width}}  {visible(one.text)}", "dim")
    if any(map(_acts, guards)):
        yield Text(LEGEND, "dim")


def proof(state: pb.RolloutState) -> Text | None:
    """Return how far it is shown that the candidate is not worse; None where that is not asked."""
    if not state.proof_enough:
        return None
    evidence, enough = state.proof, state.proof_enough
    return Text.assemble(
        (bar(evidence, enough), "green"),
        f"  {of_enough(evidence, enough)} that it is not worse: when full, it may be promoted",
    )


def _guard(one: pb.GuardEvidence, width: int, scale: float) -> Text:
    style = "dim" if not _acts(one) else "red" if filled(one.evidence, scale) >= _HALF_WAY else "cyan"
    amount = of_enough(one.evidence, one.enough) if _acts(one) else f"{many(one.evidence)} (reports)"
    return Text.assemble(f"{one.guard:<{width}}  ", (bar(one.evidence, scale), style), f"  {amount:<16}")


def _course(values: Sequence[float], scale: float) -> Text:
    going = trend(values)
    return Text.assemble(f"  {sparkline(values, scale):>{LENGTH}}", (f"  {going}", _STYLE_OF_TREND[going]))


def _acts(one: pb.GuardEvidence) -> bool:
    return not one.dry_run and 0 < one.enough < math.inf
