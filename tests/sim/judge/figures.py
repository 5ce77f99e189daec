"""From runs to figures: shares with their bounds, delays with their quantiles, and a line to read for each."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from routing.guard import ALPHA
from routing.proof import ProofWanted
from tests.sim.judge.plan import (
    ERRORS_GROW,
    FLOORS,
    GUILTY_LINE,
    GUILTY_STREAM,
    LINE,
    PAIRS,
    SLOWER_PAIRS,
    STREAM,
    WATCHED_ERRORS,
)
from tests.sim.judge.work import Done

Figures = dict[str, Any]
_CONFIDENCE = 0.99
LEAST_FOUND = 0.9
"""Of the guilty canaries of each scenario so many are to be found."""
PROOF_ALPHA = ProofWanted().alpha
"""Of those whose rows are more than `times` as bad at most so many may be shown not to be."""
_JUDGES = ("sluice", "thresholds", "z_test")


def figures_of(done: Done) -> Figures:
    """Return what is published of a part."""
    kind = done.part.kind
    head = {"kind": kind, "name": done.part.subject.name, "runs": len(done.rows)}
    if kind in (STREAM, GUILTY_STREAM, LINE, FLOORS, PAIRS, GUILTY_LINE):
        return head | _rolled_back(done)
    cell = done.part.subject
    shape = {name: getattr(cell, name) for name in ("rate", "weight", "times", "ratio", "onset") if hasattr(cell, name)}
    return head | shape | _delays(done)


def broken_promise(figures: Figures) -> str:
    """Say what a part's figures break; empty where they keep what was promised."""
    if figures["kind"] in (STREAM, LINE, PAIRS) and figures["lower"] > ALPHA:
        return f"{figures['name']}: rolled back in at least {figures['lower']:.2%} of innocent rollouts"
    if figures["kind"] in (GUILTY_LINE, GUILTY_STREAM) and figures["share"] < LEAST_FOUND:
        return f"{figures['name']}: found in {figures['share']:.0%} only"
    if figures.get("rows_worse") and figures["cleared_lower"] > PROOF_ALPHA:
        return f"{figures['name']}: shown not to be worse in at least {figures['cleared_lower']:.1%}"
    return ""


def line_of(figures: Figures) -> str:
    """Return it as a line of text."""
    name = f"{figures['kind']}: {figures['name']}"
    if "share" in figures:
        text = f"{name:76} rolled back {figures['share']:7.2%} of {figures['runs']} (at least {figures['lower']:.2%})"
        if figures["share"]:
            text += f", median {figures['median']:.1f} s, p90 {figures['p90']:.1f} s"
        rivals = [f"{one} {figures[one]:.2%}" for one in _JUDGES[1:] if one in figures]
        guards = [f"{one} {times}" for one, times in figures.get("by", {}).items()]
        return "; ".join([text, *rivals, *guards])
    judged = [f"{one} {_delay_text(figures[one])}" for one in _JUDGES if one in figures]
    if "suffered" in figures:
        judged.append(f"{figures['suffered']:.0f} bad answers, {figures['events']:.0f} events")
    return f"{name:50} {', '.join(judged)}"


def _rolled_back(done: Done) -> Figures:
    times = np.array([row[0] for row in done.rows], float)
    back, runs = int(np.isfinite(times).sum()), len(times)
    found = {"share": back / runs, "lower": _lower(back, runs), **_quantiles(times[np.isfinite(times)])}
    if done.part.kind in (STREAM, GUILTY_STREAM, PAIRS):
        # Of pairs there is no window of a minute to look at.
        others = _JUDGES[2:] if done.part.kind == PAIRS else _JUDGES[1:]
        for place, judge in enumerate(others, 1):
            found[judge] = float(np.mean([np.isfinite(row[place]) for row in done.rows]))
        return found
    scene = done.part.subject
    guards = Counter(row[1] for row in done.rows if row[1])
    cleared = sum(row[2] for row in done.rows)
    return found | {
        "by": dict(guards),
        "calls": scene.calls,
        "mean_list": scene.mean_list,
        "rows_worse": scene.rows_worse,
        "cleared": cleared / runs,
        "cleared_lower": _lower(cleared, runs),
    }


def _lower(times: int, runs: int) -> float:
    """Return the lower bound of a share."""
    return float(beta.ppf(1 - _CONFIDENCE, times, runs - times + 1)) if times else 0.0


def _delays(done: Done) -> Figures:
    rows = np.array(done.rows, float)
    judges = _JUDGES if done.part.kind in (ERRORS_GROW, WATCHED_ERRORS) else (_JUDGES[0], _JUDGES[2])
    found: Figures = {judge: _delay(rows[:, place]) for place, judge in enumerate(judges)}
    if done.part.kind == SLOWER_PAIRS:
        return found
    fair = rows[rows[:, 0] > 0]
    return found | {"suffered": float(np.median(fair[:, 3])), "events": float(np.median(fair[:, 4]))}


def _delay(delays: NDArray[np.float64]) -> Figures:
    """Of those that waited for the onset: who rolled back before had no reason."""
    fair = delays[delays > 0]
    return {
        "early": float(np.mean(delays <= 0)),
        "found": float(np.mean(np.isfinite(fair))) if fair.size else 0.0,
        **_quantiles(fair),
    }


def _quantiles(times: NDArray[np.float64]) -> dict[str, float | None]:
    """None is never."""
    if not times.size:
        return {"median": None, "p90": None}
    median, p90 = np.quantile(times, (0.5, 0.9), method="inverted_cdf").tolist()
    return {"median": median if np.isfinite(median) else None, "p90": p90 if np.isfinite(p90) else None}


def _delay_text(delay: Figures) -> str:
    text = f"{_time(delay['median'])}/{_time(delay['p90'])}"
    return f"{text} ({delay['early']:.0%} before the onset)" if delay["early"] else text


def _time(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s"
