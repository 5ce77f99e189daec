"""What the `rollout` section of a `deployment.yaml` says: guards, steps, and what a promotion needs. All have defaults.

```yaml
rollout:
  alpha: 0.01                # of innocent canaries, guards roll back at most so many, however long it lasts
  sticky_for_h: 24           # then units are drawn anew
  shadow: {rate: 0.2, pairs: 2000, minutes: 5}
  pairs: {rate: 0.02}        # of the rows, once the candidate answers: both bundles run on them
  steps:
    - {weight: 0.01, units: 500, minutes: 5, approval: true}
    - {weight: 0.05, units: 2000, minutes: 10}
    - {weight: 0.25, units: 5000, minutes: 20}
  held_back: [{share: 0.10, minutes: 60}, {share: 0.02, minutes: 1380}]
  promote: {times: 2.0, ceiling: 0.005, cover_h: 24, cover_units: 20}
  guards:
    row_faults: {tolerated: 1.25}
    decisions: {of: [decline], tolerated: 1.25, dry_run: true}
    flips: {at_most: 0.05}
  floors: {broken_runs: 5}
  pins: {canary: [our-test-card, "probe-*"], champion: [a-client-that-asked]}   # units, and beginnings of units
  freeze: [{days: [fri], from: "16:00", to: "24:00"}]   # in UTC: nothing goes forward then, what goes back does
  prometheus: http://prometheus:9090     # the queries' own; else the one that the control process was started with
  queries:                               # no α stands behind queries and webhooks: see routing/sources.py
    error_budget: {promql: 'sum(rate(failed{version="{candidate}"}[1m]))', above: 0.02, for_s: 60, every_s: 15}
  webhooks:
    chargebacks: {url: "http://risk:8080/rollout", every_s: 30, for_s: 0, dry_run: true}
```

What stands under `guards` replaces all defaults (row_faults, contract, slower, tail, flaky): name each that is wanted.
At least one looks at units, row_faults or contract, for promotions are shown by those. The values that are allowed:

- everywhere: finite numbers without quotes; true or false, without quotes, for flags; lists for lists, however short
- alpha: from 1e-9, below 1. sticky_for_h: 0 for ever, or 0.1 to 8760. rates: above 0, up to 1
- pairs, units: whole numbers, 0 or more. minutes: 0 to 525600, a year. every_s: at least 1. for_s: 0 or more
- weight: from 0.0001, below 1, rising. share, of units that stay with the former champion: above 0, below 1, falling
- promote: times above 1; ceiling, 0 for none, below 1; alpha above 0, below 1; cover_h 0 to 24; cover_units at least 1
- guards: tolerated at least 1; by and more_than above 0; at_most above 0, below 1; of: some of the policy's decisions
- floors: counts at least 1; span, in seconds, above 0; broken_share and away_share above 0, up to 1; away_seconds
  below span
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from math import inf
from typing import Any, TypeVar

from routing.floors import FloorLimits
from routing.freeze import FreezeWindow, read_window
from routing.guard import ALPHA, Guard, Source
from routing.judge import Rules
from routing.pins import NO_PINS, Pins, read_pins
from routing.proof import ProofWanted
from routing.reading import flag, listed, number, section, text, texts, whole, within
from routing.schedule import Schedule, Stage, Step, schedule
from routing.sources import Query, Sources, Webhook
from routing.split import BUCKETS
from routing.table import CANARY, CHAMPION


@dataclass(frozen=True, slots=True)
class Measure:
    """What a worker needs to know of a guard to see its sign."""

    name: str
    margin: float = 0.0
    """`slower` and `tail`: by which share of the champion's time; `score_shift`: by how much."""
    decisions: tuple[str, ...] = ()
    """`decisions`: those that are counted."""


@dataclass(frozen=True, slots=True)
class Declared:
    """All of it. The measure of index i belongs to the guard of index i."""

    rules: Rules
    measures: tuple[Measure, ...]
    schedule: Schedule
    shadow_rate: float
    pair_rate: float
    """On which share of the rows both bundles run once the candidate answers; as a shadow, `shadow_rate`."""
    sticky_for: float
    """Seconds after which units are drawn anew; 0: never."""
    freeze: tuple[FreezeWindow, ...] = ()
    """Hours in which nothing goes forward."""
    pins: Pins = NO_PINS
    sources: Sources = field(default_factory=Sources)
    """Guards that live outside; they have no share of α."""


_SOURCES = {
    "row_faults": Source.UNITS,
    "contract": Source.UNITS,
    "decisions": Source.DECISIONS,
    "slower": Source.TIMES,
    "tail": Source.TIMES,
    "flaky": Source.PAIRS,
    "flips": Source.SHARES,
    "score_shift": Source.SHARES,
}
_DEFAULT_GUARDS: Mapping[str, Mapping[str, Any]] = {
    "row_faults": {},
    "contract": {},
    "slower": {},
    "tail": {},
    "flaky": {},
}
_DEFAULT_STEPS: Sequence[Mapping[str, Any]] = (
    {"weight": 0.01, "units": 500, "minutes": 5, "approval": True},
    {"weight": 0.05, "units": 2_000, "minutes": 10},
    {"weight": 0.25, "units": 5_000, "minutes": 20},
)
_DEFAULT_HELD_BACK: Sequence[Mapping[str, Any]] = (
    {"share": 0.10, "minutes": 60},
    {"share": 0.02, "minutes": 1_380},
)
_SECTION = (
    *("alpha", "sticky_for_h", "shadow", "pairs", "steps", "held_back", "promote"),
    *("guards", "floors", "freeze", "pins", "prometheus", "queries", "webhooks"),
)
# Where hardly any unit is bad, that fewer are bad than the champion's cannot be shown.
_DEFAULT_PROOF = ProofWanted(ceiling=0.005)
_MARGINS = {"slower": ("by", 0.1), "tail": ("by", 0.25), "score_shift": ("more_than", 0.1)}
T = TypeVar("T", ProofWanted, FloorLimits)
_EVERY = 15.0
"""Seconds between two questions to a source outside."""
_YEAR_H = 8_760.0
_SHORTEST_H = 0.1
"""Of an epoch: units that are drawn anew all the time are seen too briefly to say anything."""


def read_rollout(document: object) -> Declared:
    """Check the section. Raises `ValueError`, and nothing else, with the entry that is wrong and what is right."""
    with within("rollout"):
        return _rollout(section(document, *_SECTION))


def _rollout(entry: Mapping[str, Any]) -> Declared:
    with within("guards"):
        given = section(entry.get("guards"))
        guards = _DEFAULT_GUARDS if entry.get("guards") is None else given
        watched = [_guard(name, parameters) for name, parameters in guards.items()]
    shadow = _part(entry, "shadow", "rate", "pairs", "minutes")
    pairs = _part(entry, "pairs", "rate")
    proof, floors = _over(_DEFAULT_PROOF, entry, "promote"), _over(FloorLimits(), entry, "floors")
    alpha = number(entry, "alpha", ALPHA, above=0.0, below=1.0)
    return Declared(
        rules=Rules(tuple(guard for guard, _ in watched), proof, floors, alpha),
        measures=tuple(measure for _, measure in watched),
        schedule=_schedule(entry, shadow),
        shadow_rate=_rate("shadow", shadow, 0.2),
        pair_rate=_rate("pairs", pairs, 0.02),
        sticky_for=_sticky_for(entry),
        freeze=tuple(read_window(window) for window in listed(entry, "freeze") or ()),
        pins=read_pins(entry.get("pins"), (CHAMPION, CANARY)),
        sources=_sources(entry, guards),
    )


def _part(entry: Mapping[str, Any], name: str, *names: str) -> Mapping[str, Any]:
    with within(name):
        return section(entry.get(name), *names)


def _rate(where: str, entry: Mapping[str, Any], default: float) -> float:
    with within(where):
        return number(entry, "rate", default, above=0.0, most=1.0)


def _sticky_for(entry: Mapping[str, Any]) -> float:
    hours = number(entry, "sticky_for_h", 24.0, least=0.0, most=_YEAR_H)
    if 0 < hours < _SHORTEST_H:
        raise ValueError(f"sticky_for_h is {hours:g}; it is a number of hours, at least {_SHORTEST_H:g}, or 0 for ever")
    return 3600.0 * hours


def _source(name: str) -> Source:
    if name not in _SOURCES:
        raise ValueError(f"{name!r:.80} is unknown; known are {', '.join(_SOURCES)}")
    return _SOURCES[name]


def _guard(name: str, document: object) -> tuple[Guard, Measure]:
    source, (margin, default) = _source(name), _MARGINS.get(name, ("", 0.0))
    bound = "at_most" if source is Source.SHARES else "tolerated"
    own = [margin] if margin else ["of"] if source is Source.DECISIONS else []
    with within(name):
        entry = section(document, "dry_run", *own, bound)
        decisions = texts(entry, "of")
        if source is Source.DECISIONS and not decisions:
            raise ValueError("say which are counted: of: [decline]")
        measure = Measure(name, number(entry, margin, default, above=0.0) if margin else 0.0, decisions)
        if source is Source.SHARES:
            bounds = {"at_most": number(entry, bound, 0.05, above=0.0, below=1.0)}
        else:
            bounds = {"tolerated": number(entry, bound, 1.25, least=1.0)}
        return Guard(name, source, **bounds, dry_run=flag(entry, "dry_run")), measure


def _over(default: T, document: Mapping[str, Any], part: str) -> T:
    """Return the default with what the part of that name says of it."""
    with within(part):
        entry = section(document.get(part), *(one.name for one in fields(default)))
        said: dict[str, Any] = {
            name: whole(entry, name) if isinstance(getattr(default, name), int) else number(entry, name)
            for name in entry
        }
        return replace(default, **said)


def _sources(document: Mapping[str, Any], guards: Iterable[str]) -> Sources:
    with within("queries"):
        queries = tuple(_query(name, entry) for name, entry in section(document.get("queries")).items())
    with within("webhooks"):
        webhooks = tuple(_webhook(name, entry) for name, entry in section(document.get("webhooks")).items())
    sources = Sources(queries, webhooks, text(document, "prometheus"))
    for source in sources.all:
        if source.name in guards:
            raise ValueError(f"{source.name!r} is a guard and a source: give the source a name of its own")
    return sources


def _query(name: str, document: object) -> Query:
    with within(name):
        entry = section(document, "promql", "above", "below", "for_s", "every_s", "dry_run")
        above = number(entry, "above", most=inf) if "above" in entry else inf
        below = number(entry, "below", most=inf) if "below" in entry else -inf
        turns, promql = _turns(entry), text(entry, "promql")
    return Query(name, **turns, promql=promql, above=above, below=below)


def _webhook(name: str, document: object) -> Webhook:
    with within(name):
        entry = section(document, "url", "for_s", "every_s", "dry_run")
        turns, url = _turns(entry), text(entry, "url")
    return Webhook(name, **turns, url=url)


def _turns(entry: Mapping[str, Any]) -> dict[str, Any]:
    every = number(entry, "every_s", _EVERY, least=1.0)
    return {"every": every, "lasts": number(entry, "for_s", 0.0, least=0.0), "dry_run": flag(entry, "dry_run")}


def _schedule(document: Mapping[str, Any], shadow: Mapping[str, Any]) -> Schedule:
    with within("shadow"):
        first = Step(Stage.SHADOW, 0, whole(shadow, "pairs", 2_000), _seconds(shadow, 5.0))
    steps, watched = listed(document, "steps"), listed(document, "held_back")
    with within("steps"):
        canary = [_step(step) for step in (_DEFAULT_STEPS if steps is None else steps)]
    with within("held_back"):
        held_back = [_held_back(one) for one in (_DEFAULT_HELD_BACK if watched is None else watched)]
    return schedule([first, *canary], held_back)


def _step(document: object) -> Step:
    entry = section(document, "weight", "units", "minutes", "approval")
    weight = round(number(entry, "weight", least=1 / BUCKETS, below=1.0) * BUCKETS)
    return Step(Stage.CANARY, weight, whole(entry, "units", 0), _seconds(entry, 0.0), flag(entry, "approval"))


def _held_back(document: object) -> tuple[float, float]:
    entry = section(document, "share", "minutes")
    return number(entry, "share", above=0.0, below=1.0), _seconds(entry)


def _seconds(entry: Mapping[str, Any], default: float | None = None) -> float:
    return 60.0 * number(entry, "minutes", default, least=0.0, most=60.0 * _YEAR_H)
