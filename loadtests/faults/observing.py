"""What most scenarios look at: the run cut at the moments of the fault, and the expectations that they share."""

import math
from collections.abc import Mapping, Sequence

from loadtests.faults.ending import FAILED, KINDS
from loadtests.faults.expectation import Expectation, at_least, at_most
from loadtests.faults.journal import Calls
from loadtests.faults.ledger import ledger
from loadtests.faults.scenario import Observed
from loadtests.faults.timeline import longest_gap, p99, seconds
from loadtests.faults.traffic import Run

LOST = ("connection closed", "connection broken", "stream reset", "protocol broken", "unanswered")
"""How a call that the gateway had taken is lost; one that a GOAWAY or a closed port turned away was never taken."""


def parts(run: Run, fault: str, end: str) -> dict[str, Calls]:
    """Cut a run at two of its moments."""
    begin, over = run.moments[fault], run.moments[end]
    return {
        "before": run.calls.between(0.0, begin),
        "during": run.calls.between(begin, over),
        "after": run.calls.between(over, 1e9),
    }


def observed(
    run: Run,
    cut: Mapping[str, Calls],
    expectations: Sequence[Expectation],
    details: Mapping[str, object] | None = None,
) -> Observed:
    """Draw up the ledgers: of the whole, of every group, of every part."""
    ledgers = {"all": ledger(run.calls)}
    ledgers |= {name: ledger(calls) for name, calls in cut.items()}
    ledgers |= {f"callers {name}": ledger(run.of(name)) for name in run.groups}
    told: dict[str, object] = {
        "moments": run.moments,
        "generator": {"busy": run.busy, "left_late_by_p99_ms": [lag * 1e3 for lag in run.lag]},
        "connections_reopened": run.reopened,
    }
    return Observed(ledgers, expectations, seconds(run.calls, _end(run)), told | dict(details or {}))


def none_failed(calls: Calls, where: str = "") -> Expectation:
    """Demand an answer or a refusal inside the budget for every call."""
    return at_most(f"failed{' ' + where if where else ''}", float((calls.kind == FAILED).sum()), 0, "calls")


def mostly(calls: Calls, share: float, *kinds: int, where: str = "") -> Expectation:
    """Demand that a share of the calls ended so."""
    told = " or ".join(KINDS[kind] for kind in kinds)
    found = sum(int((calls.kind == kind).sum()) for kind in kinds) / len(calls.sent) if len(calls.sent) else math.nan
    return at_least(f"{told}{' ' + where if where else ''}", found, share, "share")


def none_lost(calls: Calls) -> Expectation:
    """Demand that no call was lost that the gateway had taken."""
    reasons = calls.by_reason(FAILED)
    return at_most(
        "accepted and lost", sum(count for why, count in reasons.items() if why.startswith(LOST)), 0, "calls"
    )


def slowest(calls: Calls, bound_ms: float, where: str) -> Expectation:
    """Demand a p99 over all calls, those without a prediction endless."""
    return at_most(f"p99 {where}", p99(calls) * 1e3, bound_ms, "ms")


def gap(run: Run, begin: float, end: float, bound: float) -> Expectation:
    """Demand that somebody is always answered."""
    return at_most("longest time without any prediction", longest_gap(run.calls, begin, end), bound, "s")


def _end(run: Run) -> float:
    return sum(phase.seconds for phase in run.phases)
