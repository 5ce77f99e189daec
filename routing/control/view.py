"""What the leader knows of the rollouts that run, as it shows it to everybody who is asked: verdicts and evidence.

It is kept for a few seconds only: what a dead leader knew is nothing that anybody should still be told.
"""

from dataclasses import replace
from math import isfinite
from typing import Protocol

import msgspec

from routing.comparison import Comparison, Differing, QuantileShift
from routing.findings import GuardState
from routing.judge import Judge
from routing.rollout import Rollout
from routing.verdict import Verdict

SHOWN_FOR = 5.0
"""Seconds for which a board is shown."""


class Compared(msgspec.Struct, frozen=True):
    """What pairs of both bundles showed, without the bins that it was counted in."""

    rows: int = 0
    flips: int = 0
    mean_distance: float = 0.0
    money: float = 0.0
    quantiles: tuple[QuantileShift, ...] = ()
    most_different: tuple[Differing, ...] = ()


class View(msgspec.Struct, frozen=True):
    """One rollout, as its judge has it."""

    rollout: str
    verdict: Verdict
    guards: tuple[GuardState, ...]
    proof: float
    """The evidence that a promotion does no harm, and what is enough."""
    proof_enough: float
    units: tuple[int, int]
    """Of the present step: the champion's and the canary's, by their first calls."""
    pairs: int
    expected: float = 0.0
    """Seconds until the present step may be left, as things go; 0: that cannot be said."""
    comparison: Compared = Compared()


class Board(msgspec.Struct, frozen=True):
    """Everything that a leader shows. `at` is unix seconds."""

    leader: str
    at: float
    views: dict[str, View] = {}
    """By deployment, of the rollouts that run."""


NOBODY = Board("", 0.0)
"""Nobody leads."""


class Boards(Protocol):
    """Where it is shown. Every method raises `ControlError` when the control Redis cannot be reached."""

    async def show(self, board: Board) -> None:
        """Show it in place of what was shown, for `SHOWN_FOR` seconds."""

    async def board(self) -> Board:
        """Return what is shown, or `NOBODY`."""


def view_of(rollout: Rollout, judge: Judge, verdict: Verdict, now: float) -> View:
    """Return what a judge has found out of a rollout; it has said its verdict at `now`."""
    exposure = judge.exposure(rollout.at)
    champion, canary = exposure.units
    return View(
        rollout=rollout.name,
        verdict=verdict,
        guards=judge.findings.states(),
        proof=judge.proof.evidence,
        proof_enough=judge.proof.enough,
        units=(champion, canary),
        pairs=exposure.pairs,
        expected=judge.expected(rollout.at, rollout.step, rollout.entered, now) or 0.0,
        comparison=_compared(judge.comparison),
    )


def lasting(view: View) -> View:
    """Return the view as the event log keeps it, for years and in JSON: without customers, `enough` 0 for infinite."""
    guards = tuple(replace(guard, enough=guard.enough if isfinite(guard.enough) else 0.0) for guard in view.guards)
    comparison = msgspec.structs.replace(view.comparison, most_different=())
    return msgspec.structs.replace(view, guards=guards, comparison=comparison)


def _compared(comparison: Comparison) -> Compared:
    return Compared(
        comparison.rows,
        comparison.flips,
        comparison.mean_distance,
        comparison.money,
        comparison.quantiles(),
        comparison.most_different,
    )
