"""The judge of one rollout: takes what workers found out, says whether the canary is worse, and whether it may go on.

It decides and does nothing. All that it knows came in windows, so whoever feeds it the same windows hears the same,
also one who feeds it a day's at a stretch: what depends on time is weighed as the windows' own clock goes on.
"""

from dataclasses import dataclass, field

from routing.answered import Answered
from routing.comparison import NO_COMPARISON
from routing.cover import Cover
from routing.findings import Findings
from routing.floors import FloorLimits, Floors
from routing.flow import Flow
from routing.guard import ALPHA, LEAST_ALPHA, Guard, Source, one_share, shared_out
from routing.order import Order
from routing.proof import Proof, ProofWanted
from routing.sample_ratio import SampleRatio
from routing.schedule import Step
from routing.units import MOST_UNITS, Units
from routing.verdict import Outcome, Verdict, cannot_tell, passes
from routing.window import Window

SILENT = 5.0
"""Seconds after which a worker that has sent nothing leaves the judge without a source."""
GONE = 15.0
"""Seconds after which a worker that has sent nothing is taken to have ended."""
WEIGHED_EVERY = 5.0
"""Seconds of the windows' clock after which what was counted is weighed, whether anybody looks or not."""
USED_UP_EVERY = 60.0
"""Seconds over which spent units are counted against fresh ones."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the judge holds a canary to. `guards` need no α yet: one `alpha` is shared out between them."""

    guards: tuple[Guard, ...]
    proof: ProofWanted = field(default_factory=ProofWanted)
    floors: FloorLimits = field(default_factory=FloorLimits)
    alpha: float = ALPHA
    most_units: int = MOST_UNITS

    def __post_init__(self) -> None:
        if not any(guard.source is Source.UNITS for guard in self.guards):
            units = "add row_faults or contract to guards, for those that stand there replace all defaults"
            raise ValueError(f"no guard looks at units, so nothing could be shown for a promotion either: {units}")
        if not LEAST_ALPHA <= self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha:g}; it lies above 0 (from {LEAST_ALPHA:g}) and below 1")
        shared_out(self.guards, self.alpha, others=1)


@dataclass(slots=True)
class Exposure:
    """What has been seen of one step: units by their first calls, the champion's and the canary's, and pairs."""

    units: list[int] = field(default_factory=lambda: [0, 0])
    pairs: int = 0
    seconds: float = 0.0
    """For which workers sent windows, and canaries had their weight: nobody has watched the others."""


class Judge:
    """Feed it every window; a window that comes again is not heard twice. `began` is on the windows' clock."""

    def __init__(self, rules: Rules, began: float) -> None:
        guards = shared_out(rules.guards, rules.alpha, others=1)  # the other one is the sample ratio's
        self.findings = Findings(guards, began)
        self.proof = Proof(rules.proof, self.findings.faults, began)
        self.cover = Cover(rules.proof.cover_h, rules.proof.cover_units)
        self.sample_ratio = SampleRatio(one_share(guards, rules.alpha, others=1), began)
        self.comparison = NO_COMPARISON
        """Of all pairs so far, for people to read."""
        self._floors = Floors(rules.floors)
        self._answered = Answered()
        self._order = Order()
        self._units = Units(rules.most_units)
        self.missed = 0
        """Windows that were sent and never came here."""
        self._sequences: dict[str, int] = {}
        self._heard: dict[str, float] = {}  # by worker that is awaited: when it was heard last
        self._exposed: dict[int, Exposure] = {}
        self._flow = Flow()
        self._clock = self._weighed = began
        self._counted_since = began
        self._used_up = self._too_late = False
        self._dropped = 0
        self._breach: Verdict | None = None
        self._doubt: Verdict | None = None  # a breach, or why nothing could be said, when it was asked last

    def join(self, worker: str, since: float) -> None:
        """Await what the worker sends of calls that it admitted from then on."""
        self._order.join(worker, since)
        self._heard.setdefault(worker, since)

    def leave(self, worker: str) -> None:
        """Await nothing more of a worker that has ended."""
        self._order.leave(worker)
        self._heard.pop(worker, None)

    def forget_silent(self, before: float) -> list[str]:
        """Await nothing of workers that have sent nothing since then, unless they send something again."""
        silent = [worker for worker, at in self._heard.items() if at < before]
        for worker in silent:
            self.leave(worker)
        return silent

    def take(self, window: Window) -> bool:
        """Hear a window; return False if it was heard before. A worker that was not awaited is from now on."""
        last = self._sequences.get(window.worker, 0)
        if window.sequence <= last:
            return False
        if not -SILENT <= window.at - self._weighed < WEIGHED_EVERY:
            self._go_on(window.at)
        self.missed += window.sequence - last - 1
        self._sequences[window.worker] = window.sequence
        self._heard[window.worker] = window.at
        self._order.put(window.worker, window.calls, window.settled_until)
        self._units.spent += window.spent
        self._floors.take(window)
        for pair in window.pairs:
            self.findings.pair(pair)
        self.exposure(window.step).pairs += len(window.pairs)
        if window.comparison.rows:
            self.comparison = self.comparison.merged(window.comparison)
        if not window.lapsed:
            self.exposure(window.step).seconds += min(SILENT, max(0.0, window.at - self._clock))
        self._clock = max(self._clock, window.at)
        self._count()
        if window.last:
            self.leave(window.worker)
        return True

    def verdict(self, number: int, step: Step, since: float, now: float) -> Verdict:
        """Say what is known at `now` of a canary that has been at the step of that number since then.

        `fail` stands once it was said: nothing that comes later makes it better.
        """
        found = self._look(now)
        if self._breach is None and found is not None and found.outcome is Outcome.FAIL:
            self._breach = found
        exposure = self.exposure(number)
        self._flow.mark(number, now, (exposure.pairs, *exposure.units))
        self._doubt = self._breach or found or self._blind(now)
        return self._doubt or self._gone_through(number, step, since, now)

    def expected(self, number: int, step: Step, since: float, now: float) -> float | None:
        """Return in how many seconds the step can be left, if all goes on as it did lately; None: nobody can say.

        It is the longest of what is still to come: exposure at the rate of the slower arm, least time, cover of the
        day, and proof (`Proof.seconds_left`). People's approvals are nobody's to foretell. Ask for a verdict first.
        """
        rates = self._flow.rates()
        if self._doubt is not None or rates is None:
            return None
        exposure = self.exposure(number)
        pairs, champion, canary = rates
        slower, seen = (min(champion, canary), min(exposure.units)) if step.weight else (pairs, exposure.pairs)
        seconds = min(now - since, exposure.seconds)
        waits = [max(0.0, step.least_seconds - seconds), _until(step.least_exposure - seen, slower)]
        if step.proof:
            waits += [self.cover.seconds_left(now, slower), self.proof.seconds_left(champion, canary)]
        known = [wait for wait in waits if wait is not None]
        return max(known) if len(known) == len(waits) else None

    def exposure(self, step: int) -> Exposure:
        """Return what has been seen of the step of that index."""
        return self._exposed.setdefault(step, Exposure())

    def _count(self) -> None:
        """Count the calls before which nothing can come any more."""
        for call in self._order.ready():
            self._answered.call(call)
            if (taken := self._units.take(call)) is None:
                continue
            self.findings.call(call.canary, taken)
            self.proof.call(call.canary, taken)
            self.sample_ratio.call(call.canary, taken)
            self.exposure(call.step).units[call.canary] += taken.first
            if taken.first:
                self.cover.call(call.canary, call.admitted)

    def _go_on(self, at: float) -> None:
        """The windows' clock has gone on: a stake that begins from now on gains nothing from what came before.

        So it is weighed first; a leader that hears a whole day at once would else have all stakes gain from all of it.
        """
        self._weighed = at
        self.forget_silent(at - GONE)
        self._count()
        self._count_fresh(self._clock)
        self.findings.look(self._clock)
        self.proof.look(self._clock)
        self.sample_ratio.look(self._clock)

    def _look(self, now: float) -> Verdict | None:
        """Weigh everything: a breach, or why nothing can be said, or None."""
        self._count_fresh(now)
        found = self.findings.look(self._clock)
        self.proof.look(self._clock)
        off = self.sample_ratio.look(self._clock)
        floor = self._floors.look(now)
        if found is not None or (floor is not None and floor.outcome is Outcome.FAIL):
            return found or floor
        if off:
            seen, expected = self.sample_ratio.seen, self.sample_ratio.expected
            reason = f"the split is off: {seen} units were the canary's, and {expected:.0f} should have been"
            return cannot_tell(reason, seen=seen, expected=expected)
        return floor

    def _blind(self, now: float) -> Verdict | None:
        if not self._heard:
            return cannot_tell("no worker has sent anything")
        worker, at = min(self._heard.items(), key=lambda one: one[1])
        if now - at > SILENT:
            return cannot_tell(f"worker {worker} has been silent for {now - at:.0f} s", seconds=now - at)
        if self._too_late:
            return cannot_tell("most calls came too late to be judged: are all clocks right?")
        if self._used_up:
            return cannot_tell("units used up: most calls come from units that have said what they could")
        return self._answered.look()

    def _gone_through(self, number: int, step: Step, since: float, now: float) -> Verdict:
        exposure = self.exposure(number)
        seen = exposure.pairs if not step.weight else min(exposure.units)
        what = "pairs" if not step.weight else "units of each arm"
        if seen < step.least_exposure:
            return cannot_tell(f"{seen} of {step.least_exposure} {what}", seen=seen, least=step.least_exposure)
        seconds = min(now - since, exposure.seconds)
        if seconds < step.least_seconds:
            return cannot_tell(f"{seconds:.0f} of {step.least_seconds:.0f} s", seconds=seconds)
        if not step.proof:
            return passes(f"no harm was found in {seen} {what} and {seconds:.0f} s", seen=seen)
        if missing := self.cover.missing(now):
            return cannot_tell(missing, covered=self.cover.covered)
        if shown := self.proof.shown:
            return passes(shown, evidence=self.proof.evidence)
        return cannot_tell("that the canary is not worse has not been shown yet", evidence=self.proof.evidence)

    def _count_fresh(self, now: float) -> None:
        if not -SILENT <= now - self._counted_since < USED_UP_EVERY:
            self._used_up = self._units.spent > self._units.fresh
            self._too_late = self._order.dropped - self._dropped > self._units.fresh + self._units.spent
            self._dropped = self._order.dropped
            self._units.forget_counts()
            self._counted_since = now


def _until(missing: int, rate: float) -> float | None:
    """Return in how many seconds so many more have come, at a rate a second; None: never."""
    if missing <= 0:
        return 0.0
    return missing / rate if rate > 0 else None
