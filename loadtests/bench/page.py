"""The bench as a page in Markdown: the table of goals, the tables behind it, and the conditions."""

import datetime
from collections.abc import Sequence

from loadtests.bench.finding import Finding
from loadtests.bench.plan import Plan
from loadtests.machine import describe

_HEAD = "| measure | must | aim | measured | verdict | interval of the median, rounds | conditions |"
_PICTURES = {
    "bench.svg": ("peer-", "grpc-"),
    "list.svg": ("list-time",),
    "memory.svg": ("memory",),
}


def page(at: datetime.datetime, plan: Plan, findings: Sequence[Finding]) -> str:
    """Return the whole page."""
    parts = [f"# Bench of {at:%Y-%m-%d %H:%M} UTC", _machine(plan), goal_table(findings)]
    parts += [f"![{name}]({name})" for name, starts in _PICTURES.items() if _has(findings, starts)]
    parts += [f"## {finding.heading}\n\n{finding.table}" for finding in findings if finding.table]
    return "\n\n".join(parts)


def goal_table(findings: Sequence[Finding]) -> str:
    """Return one line a finding: what must be, what is aimed at, what was measured, and how far that is."""
    return "\n".join([_HEAD, "|" + "---|" * (_HEAD.count("|") - 1), *map(_line, findings)])


def figure(value: float | None, unit: str) -> str:
    """Return a value as it is read: rates in whole calls, everything else with the digits that say something."""
    if value is None:
        return "–"
    if unit.endswith("/s") or value >= 1000:
        return f"{value:,.0f} {unit}"
    return f"{value:,.2f} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def _machine(plan: Plan) -> str:
    machine = describe()
    return (
        f"{machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']};"
        f" one worker; {plan.seats.text()}; no lane host yet. Every answer was decoded and checked, over"
        f" {plan.fewest_requests:,} distinct entity sets or more; there is no rate where more than 0.1 % of the calls"
        " got no good answer, or more than half of the good ones had a feature that was not fresh. Canary and shadow at"
        " 5 %, policy and metrics are on. A ratio is of rounds played in turn."
    )


def _line(finding: Finding) -> str:
    goal, spread = finding.goal, finding.spread
    sign = "≤ " if goal and goal.less else ""
    must = sign + figure(goal.must, finding.unit) if goal else "–"
    aim = sign + figure(goal.aim, finding.unit) if goal and goal.aim is not None else "–"
    between = ""
    if spread is not None and len(finding.rounds) > 1:
        low, high = figure(spread.low, "").strip(), figure(spread.high, "").strip()
        between = f"{low} to {high} ({spread.coverage:.0%} of {len(finding.rounds)})"
    said = finding.trouble.replace("|", "/").replace("\n", " ") or finding.conditions
    measured = f"**{figure(finding.value, finding.unit)}**"
    return f"| {finding.title} | {must} | {aim} | {measured} | {finding.verdict} | {between} | {said} |"


def _has(findings: Sequence[Finding], starts: tuple[str, ...]) -> bool:
    return any(finding.name.startswith(starts) and finding.value is not None for finding in findings)
