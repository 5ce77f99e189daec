"""Floors: outages that need no statistics. They act only while the champion is healthy over the same span.

A lane that fails whatever its rows is no question of ratios. But a fault that both arms share is nobody's: where a run
of the champion breaks too and no row of it is at fault, where admission refuses calls or the canary's host waits for a
processor, nothing is said. How many of its runs break would tell less: a breaker lets few of them through.
Nor is a lane to stay that is away, for its callers are refused when rescue has been used up: where most runs that were
asked of the canary found nobody for a while, and the champion answers beside it, it goes back. Whoever is merely late
is not away: a champion on this thread never is, however long its lists.
Floors carry no α; what they cost in false rollbacks is part of the simulated share.
"""

from collections import deque
from dataclasses import dataclass
from functools import reduce
from math import inf

from routing.verdict import Outcome, Verdict, cannot_tell, fail
from routing.window import Health, Spread, Window

# Where rows break the champion's runs as well, so many broken runs of an equal canary one after the other are as likely
# as this at most.
_BY_CHANCE = 1e-7
# Seconds by which a window may be ahead; one that is more so was made before the clock was set back.
_AHEAD = 5.0


@dataclass(frozen=True, slots=True)
class FloorLimits:
    """What is too much, within `span` seconds."""

    span: float = 10.0
    broken_runs: int = 5
    """Runs of the canary in different lists that failed, each of them again when it was repeated."""
    broken_share: float = 0.9
    """And this part of all of its runs since then: where a bad row breaks a run now and then, ratios are to say so."""
    champion_runs: int = 100
    """Runs of the champion without which nobody knows that it fares better."""
    champion_beside: int = 10
    """And so many of them since the canary is out: one that fared well before an outage may be in it, too."""
    away_runs: int = 5
    """Runs of the canary for which nobody was there, its server or its host..."""
    away_share: float = 0.9
    """...and this part of all that were asked of it, while of the champion's at most the rest are..."""
    away_seconds: float = 2.0
    """...for so long, from one that was asked in vain to another: who is away for less is waited for."""
    host_deaths: int = 1
    golden_wrong: int = 1
    constant_rows: int = 200
    """Rows on which the canary always says the same, while the champion does not on as many."""

    def __post_init__(self) -> None:
        if not 0 < self.span < inf:
            raise ValueError(f"span is {self.span:g}; it is a number of seconds above 0")
        for name in ("broken_share", "away_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name):g}; it lies above 0 and up to 1")
        if not 0 <= self.away_seconds < self.span:
            raise ValueError(f"away_seconds is {self.away_seconds:g}; it lies between 0 and span, {self.span:g}")
        for name in ("broken_runs", "away_runs", "champion_runs", "host_deaths", "golden_wrong", "constant_rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is at least 1: none at all is no fault")


class Floors:
    """Looks at the windows of the last seconds, all workers together."""

    def __init__(self, limits: FloorLimits) -> None:
        self._limits = limits
        self._recent: deque[tuple[float, Health]] = deque()

    def take(self, window: Window) -> None:
        """Look at a window, once."""
        self._recent.append((window.at, window.health))

    def look(self, now: float) -> Verdict | None:
        """Return what was found; None while every floor holds."""
        while self._recent and not -_AHEAD <= now - self._recent[0][0] <= self._limits.span:
            self._recent.popleft()
        spans = [health for _, health in self._recent]
        found = self._found(spans)
        if found is not None and found.outcome is Outcome.FAIL and any(one.strained for one in spans):
            return _but(found, "the gateway was under strain in the same span")
        return found

    def _found(self, spans: list[Health]) -> Verdict | None:
        limits = self._limits
        deaths, wrong = sum(one.host_deaths for one in spans), sum(one.golden_wrong for one in spans)
        if (broken := self._broken(spans)) is not None and broken.outcome is Outcome.FAIL:
            return broken
        if deaths >= limits.host_deaths:
            return fail("host_deaths", f"the canary's lane host died {_times(deaths)}", deaths=deaths)
        if wrong >= limits.golden_wrong:
            return fail("golden_rows", f"the canary's golden rows came out wrong {_times(wrong)}", wrong=wrong)
        return self._away() or self._constant(spans) or broken

    def _broken(self, spans: list[Health]) -> Verdict | None:
        """Say that the canary is out, if it is: since the latest moment from which on it can be said."""
        limits, out, whole = self._limits, Health(), reduce(_together, spans, Health())
        if whole.champion_runs < limits.champion_runs:
            return None
        usual = (whole.champion_broken + 1) / (whole.champion_runs + 2)  # Laplace's rule of succession
        for one in reversed(spans):
            out = _together(out, one)
            enough = max(limits.broken_runs, limits.broken_share * out.canary_runs)
            beside = out.champion_runs - out.champion_broken >= limits.champion_beside
            if out.canary_broken >= enough and beside and usual**out.canary_broken < _BY_CHANCE:
                break
        else:
            return None
        broken, runs = out.canary_broken, out.canary_runs
        reason = f"{broken} of {runs} runs of the canary failed, and failed again when they were repeated"
        found = fail("broken_runs", reason, broken=broken, runs=runs)
        if whole.champion_out:
            return _but(found, f"{whole.champion_out} of the champion's runs broke at no row's fault in the same span")
        return found

    def _away(self) -> Verdict | None:
        """Say that the canary is away, if it is: asked in vain long enough ago, and again now.

        Back to where the champion was away as well: what both suffer is nobody's fault, whoever is heard of first.
        """
        limits, out, latest = self._limits, Health(), None
        for at, one in reversed(self._recent):
            out = _together(out, one)
            if not self._heard(one):
                return None
            if not one.canary_away:
                continue
            latest = at if latest is None else latest
            asked = out.canary_away + out.canary_runs
            enough = max(limits.away_runs, limits.away_share * asked)
            if latest - at >= limits.away_seconds and out.canary_away >= enough and self._answers(out):
                reason = f"{out.canary_away} of {asked} runs of the canary were asked of nobody: it is away"
                return fail("away_runs", reason, away=out.canary_away, asked=asked)
        return None

    def _answers(self, out: Health) -> bool:
        """Whether the champion is heard of, and scores."""
        return self._heard(out) and out.champion_runs - out.champion_broken >= self._limits.champion_beside

    def _heard(self, one: Health) -> bool:
        """Whether hardly a run of the champion was asked of nobody."""
        return one.champion_away <= (1.0 - self._limits.away_share) * (one.champion_away + one.champion_runs)

    def _constant(self, spans: list[Health]) -> Verdict | None:
        canary, champion = Spread(), Spread()
        for one in spans:
            canary, champion = canary.merged(one.canary_scores), champion.merged(one.champion_scores)
        enough = min(canary.rows, champion.rows) >= self._limits.constant_rows
        if not (enough and canary.constant) or champion.constant:
            return None
        reason = f"the canary scored {canary.least:g} on every one of {canary.rows} rows, and the champion did not"
        return fail("constant_scores", reason, rows=canary.rows, score=canary.least)


def _together(one: Health, other: Health) -> Health:
    """Return the runs of both spans."""
    return Health(
        canary_runs=one.canary_runs + other.canary_runs,
        canary_broken=one.canary_broken + other.canary_broken,
        champion_runs=one.champion_runs + other.champion_runs,
        champion_broken=one.champion_broken + other.champion_broken,
        champion_out=one.champion_out + other.champion_out,
        canary_away=one.canary_away + other.canary_away,
        champion_away=one.champion_away + other.champion_away,
    )


def _but(found: Verdict, trouble: str) -> Verdict:
    return cannot_tell(f"{found.reason}, but {trouble}", **found.numbers)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
