"""Guards that live outside: a PromQL query or a webhook that a team declares, and what follows from its answers.

They carry no α. How often such a guard takes out an innocent canary is what its author chose with its bound, and no
figure of false rollbacks that is stated anywhere counts them. A source that is dead, empty, old or not a number says
`cannot tell`: it takes nobody out, and it lets nobody through.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite

from routing.figure import figure
from routing.verdict import Outcome, Verdict, cannot_tell, fail

GAP = 3.0
"""A source is silent when nothing that it said is younger than so many of its turns."""
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class MetricSource:
    """What every source has. It fails once it has been breached for `lasts` seconds, asked every `every`."""

    name: str
    every: float = 15.0
    lasts: float = 0.0
    dry_run: bool = False
    """Whether it only reports: what it says is no reason for anything."""

    def __post_init__(self) -> None:
        if not 1 <= self.every < inf:
            raise ValueError(f"{self.name}: every_s is {self.every:g}; at least 1 s lies between two questions")
        if not 0 <= self.lasts < inf:
            raise ValueError(f"{self.name}: for_s is {self.lasts:g}; it is finite, and not below 0")

    @property
    def silent_after(self) -> float:
        """Seconds after which what was said last says nothing more."""
        return GAP * self.every


@dataclass(frozen=True, slots=True)
class Query(MetricSource):
    """A PromQL expression of one value; `{deployment}`, `{candidate}` and `{champion}` in it are the rollout's own."""

    promql: str = ""
    above: float = float("inf")
    """Breached by a value above it."""
    below: float = float("-inf")
    """Breached by a value below it."""

    def __post_init__(self) -> None:
        MetricSource.__post_init__(self)
        if not self.promql.strip():
            raise ValueError(f"{self.name}: promql is missing: an expression of one value")
        if not isfinite(self.above) and not isfinite(self.below):
            raise ValueError(f"{self.name}: say what is a breach: above, below, or both")

    def judged(self, value: float, at: float) -> "Reading":
        """Return what a value says. What is not finite is no measurement: 0/0, where there was no traffic."""
        if not isfinite(value):
            return Reading(at, Outcome.CANNOT_TELL, f"the query gave {value:g}")
        for breached, sign, bound in ((value > self.above, ">", self.above), (value < self.below, "<", self.below)):
            if breached:
                return Reading(at, Outcome.FAIL, f"{figure(value, 4)} {sign} {figure(bound, 6)}", value)
        return Reading(at, Outcome.PASS, figure(value, 4), value)

    def written_for(self, names: Mapping[str, str]) -> str:
        """Return the expression for these names. Raises `ValueError` for a name that could change its meaning."""
        for key, name in names.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"{key} {name!r:.60} cannot stand in a query: letters, digits, dot, _ and - can")
        return re.sub(rf"\{{({'|'.join(names)})\}}", lambda found: names[found[1]], self.promql)


@dataclass(frozen=True, slots=True)
class Webhook(MetricSource):
    """An address that is told of the rollout, and answers with a verdict of its own."""

    url: str = ""

    def __post_init__(self) -> None:
        MetricSource.__post_init__(self)
        check_address(f"{self.name}: url", self.url)


@dataclass(frozen=True, slots=True)
class Sources:
    """All that a deployment declares. `prometheus` is the address that its queries go to; empty: the process's own."""

    queries: tuple[Query, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    prometheus: str = ""

    def __post_init__(self) -> None:
        names = [source.name for source in self.all]
        if len(set(names)) != len(names):
            raise ValueError(f"queries and webhooks: a name stands twice: {', '.join(names)}")
        if self.prometheus:
            check_address("prometheus", self.prometheus)

    @property
    def all(self) -> tuple[Query | Webhook, ...]:
        """Every source."""
        return (*self.queries, *self.webhooks)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source said once: `at` is when it was measured, in unix seconds."""

    at: float
    outcome: Outcome
    reason: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Trail:
    """What a source has said so far, as far as it matters: the last reading, and since when it has been breached."""

    source: MetricSource
    last: Reading | None = None
    breached_since: float | None = None

    def heard(self, reading: Reading, now: float) -> "Trail":
        """Return the trail with one more. A breach goes on only without a gap, and what is old or early breaks it."""
        off = now - reading.at
        if abs(off) > self.source.silent_after:
            which = "old" if off > 0 else "early: its clock and ours differ"
            reading = Reading(now, Outcome.CANNOT_TELL, f"what it says is {abs(off):.0f} s {which}")
        if self.last is not None and reading.at < self.last.at:
            return self
        if reading.outcome is not Outcome.FAIL:
            return replace(self, last=reading, breached_since=None)
        gap = self.last is None or reading.at - self.last.at > self.source.silent_after
        since = reading.at if gap or self.breached_since is None else self.breached_since
        return replace(self, last=reading, breached_since=since)

    def verdict(self, now: float) -> Verdict:
        """Return what the source says at `now`."""
        name, last = self.source.name, self.last
        if last is None:
            return cannot_tell(f"{name} has said nothing yet")
        if now - last.at > self.source.silent_after:
            return cannot_tell(f"{name} has been silent for {now - last.at:.0f} s", seconds=now - last.at)
        numbers = {} if last.value is None else {"value": last.value}
        if self.breached_since is None:
            return Verdict(last.outcome, f"{name}: {last.reason}", numbers, name)
        breached = last.at - self.breached_since
        if breached < self.source.lasts:
            reason = f"{name}: {last.reason} for {breached:.0f} of {self.source.lasts:.0f} s"
            return cannot_tell(reason, **numbers)
        return fail(name, f"{name}: {last.reason} for {breached:.0f} s", **numbers)


def combined(judged: Verdict, outside: Iterable[Verdict], exposed: bool = True) -> Verdict:
    """Return what holds of the judge's verdict and those of the sources that act, dry runs left out.

    A `fail` of anyone is a `fail`, the judge's first. A `cannot tell` of any source keeps a rollout from going forward
    while the candidate is `exposed`: one that answers nobody has left no trace outside that could be missed.
    """
    said = [] if judged.outcome is Outcome.FAIL else list(outside)
    for verdict in said:
        if verdict.outcome is Outcome.FAIL:
            return verdict
    unsure = [verdict for verdict in said if verdict.outcome is Outcome.CANNOT_TELL]
    if unsure and exposed and judged.outcome is Outcome.PASS:
        return unsure[0]
    return judged


def check_address(what: str, url: str) -> None:
    """Raise `ValueError` unless it is one that may be asked: http or https, and a host."""
    if not re.match(r"https?://[^/?#\s]+", url) or re.search(r"\s", url):
        raise ValueError(f"{what} is {url!r:.80}; it is an address like http://prometheus:9090")
