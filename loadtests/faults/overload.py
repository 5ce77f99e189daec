"""The arithmetic of overload: what one step showed, and what is expected of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadtests.faults.ending import FAILED, REFUSED
from loadtests.faults.expectation import Expectation, at_least, at_most
from loadtests.faults.journal import Calls
from loadtests.faults.ledger import GOOD
from loadtests.faults.timeline import back_to_normal, p99
from loadtests.faults.traffic import Run

BEFORE, DURING, AFTER = range(3)
"""The phases of a step's run."""

_MOST_LAG = 0.01
_REFUSAL_MS, _RECOVERY_S, _CRITICAL, _GOODPUT, _GROWTH_MB = 5.0, 2.0, 0.999, 0.9, 100.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the load. Rates are calls a second; a step that was not `offered` shows nothing of the gateway."""

    multiple: float
    rate: float
    offered: bool
    left_late_ms: float
    generator_busy: float
    good: float
    refused: float
    failed: float
    p99_ms: float
    refusal_p99_ms: float
    critical_rate: float
    critical_answered: float
    recovered_s: float
    grown_mb: float

    def as_json(self) -> dict[str, object]:
        """Return it as plain values; what is unknown or endless is null."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }


def step_of(multiple: float, run: Run, critical: Sequence[str], grown_mb: float) -> Step:
    """Read a step off its run."""
    phase, calls = run.phases[DURING], run.in_phase(DURING)
    good = np.isin(calls.kind, GOOD)
    urgent = calls.of_groups(*(run.groups[name] for name in critical))
    urgent_good = int(np.isin(urgent.kind, GOOD).sum())
    end = run.phases[BEFORE].seconds + phase.seconds
    return Step(
        multiple=multiple,
        rate=phase.rate,
        offered=run.lag[DURING] <= _MOST_LAG,
        left_late_ms=run.lag[DURING] * 1e3,
        generator_busy=run.busy,
        good=float(good.sum()) / phase.seconds,
        refused=float((calls.kind == REFUSED).sum()) / phase.seconds,
        failed=float((calls.kind == FAILED).sum()) / phase.seconds,
        p99_ms=_quantile_ms(calls.took[good]),
        refusal_p99_ms=_quantile_ms(calls.took[calls.kind == REFUSED]),
        critical_rate=len(urgent.sent) / phase.seconds,
        critical_answered=urgent_good / len(urgent.sent) if len(urgent.sent) else math.nan,
        recovered_s=back_to_normal(run.calls, end, _normal(run.in_phase(BEFORE))),
        grown_mb=grown_mb,
    )


def expected_of(step: Step, capacity: float, refusals: float) -> list[Expectation]:
    """Say what is expected of a step; one that was not offered can tell nothing.

    `refusals` is how many calls a second the core refuses when it does nothing else, infinite where that costs nothing
    beside an answer.
    """
    at = f"at {step.multiple:g}×"
    if not step.offered:
        return [at_least(f"answered in budget {at}, which the generator could not offer", math.nan, 0.0, "calls/s")]
    left = max(0.0, 1.0 - step.refused / refusals)
    possible = min(step.rate, capacity * left)
    found = [
        at_least(f"answered in budget {at}", step.good, _GOODPUT * possible, "calls/s"),
        at_most(f"failed or late {at}", step.failed / step.rate, 0.001, "share"),
        at_most(f"back to normal after {at}", step.recovered_s, _RECOVERY_S, "s"),
        at_most(f"memory grown {at}", step.grown_mb, _GROWTH_MB, "MB"),
    ]
    if step.refused:
        found.append(at_most(f"p99 of refusals {at}", step.refusal_p99_ms, _REFUSAL_MS, "ms"))
    if step.critical_rate <= capacity / 2:
        found.append(at_least(f"critical calls answered {at}", step.critical_answered, _CRITICAL, "share"))
    return found


def table(steps: Sequence[Step], capacity: float) -> str:
    """Return the steps as Markdown; a step that was not offered shows only that."""
    head = (
        "| offered | calls/s | answered in budget | of capacity | refused | failed or late | p99 ms | p99 of refusals"
    )
    head += " ms | critical answered | back to normal s | memory grown MB |"
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *(_line(step, capacity) for step in steps)])


def _line(step: Step, capacity: float) -> str:
    begin = f"| {step.multiple:g}× | {step.rate:,.0f} | "
    if not step.offered:
        return begin + f"not offered: calls left {step.left_late_ms:,.0f} ms late (p99) |" + " – |" * 8
    cells = [f"{step.good:,.0f}", f"{step.good / capacity:.0%}", f"{step.refused:,.0f}", f"{step.failed:,.0f}"]
    cells += [f"{value:.1f}" for value in (step.p99_ms, step.refusal_p99_ms)]
    cells += [f"{step.critical_answered:.2%}", f"{step.recovered_s:.2f}", f"{step.grown_mb:.0f}"]
    return begin + " | ".join(cells).replace("nan", "–") + " |"


def _quantile_ms(took: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> float:
    return float(np.quantile(took, 0.99, method="higher")) * 1e3 if took.size else math.nan


def _normal(before: Calls) -> float:
    """Return what is normal: half as much again as the p99 before, and never less than 5 ms of machine's noise."""
    usual = p99(before)
    return max(1.5 * usual, 0.005) if math.isfinite(usual) else math.inf
