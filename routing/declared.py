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
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from math import inf
from typing import Any

from routing.floors import FloorLimits
from routing.freeze import FreezeWindow, read_window
from routing.guard import ALPHA, Guard, Source
from routing.judge import Rules
from routing.pins import NO_PINS, Pins, read_pins
from routing.proof import ProofWanted
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
    "slower": Source.PAIRS,
    "tail": Source.PAIRS,
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
_OF_SOURCES = {"for_s": "lasts", "every_s": "every"}
# Where hardly any unit is bad, that fewer are bad than the champion's cannot be shown.
_DEFAULT_PROOF = ProofWanted(ceiling=0.005)
_MARGINS = {"slower": 0.1, "tail": 0.25, "score_shift": 0.1}


def read_rollout(document: Mapping[str, Any]) -> Declared:
    """Check the section. Raises `ValueError` with the entry that is wrong and what would be right."""
    _known("rollout", document, *_SECTION)
    guards = document.get("guards") or _DEFAULT_GUARDS
    shadow = document.get("shadow") or {}
    _known("rollout: shadow", shadow, "rate", "pairs", "minutes")
    pairs = document.get("pairs") or {}
    _known("rollout: pairs", pairs, "rate")
    rules = Rules(
        tuple(_guard(name, entry or {}) for name, entry in guards.items()),
        _proof(document.get("promote") or {}),
        _floors(document.get("floors") or {}),
        float(document.get("alpha", ALPHA)),
    )
    return Declared(
        rules=rules,
        measures=tuple(_measure(name, entry or {}) for name, entry in guards.items()),
        schedule=_schedule(shadow, document.get("steps") or _DEFAULT_STEPS, document.get("held_back")),
        shadow_rate=_rate("shadow", shadow, 0.2),
        pair_rate=_rate("pairs", pairs, 0.02),
        sticky_for=_sticky_for(document),
        freeze=tuple(read_window(entry) for entry in document.get("freeze") or ()),
        pins=read_pins(document.get("pins") or {}, (CHAMPION, CANARY)),
        sources=_sources(document, guards),
    )


def _rate(where: str, entry: Mapping[str, Any], default: float) -> float:
    rate = float(entry.get("rate", default))
    if not 0 < rate <= 1:
        raise ValueError(f"rollout: {where}: rate is {rate:g}; it lies above 0 and up to 1")
    return rate


def _sticky_for(document: Mapping[str, Any]) -> float:
    hours = float(document.get("sticky_for_h", 24.0))
    if hours < 0:
        raise ValueError(f"rollout: sticky_for_h is {hours:g}; it is a number of hours, 0 for ever")
    return 3600.0 * hours


def _guard(name: str, entry: Mapping[str, Any]) -> Guard:
    source = _SOURCES.get(name)
    if source is None:
        raise ValueError(f"rollout: guards: {name!r} is unknown; known are {', '.join(_SOURCES)}")
    _known(f"rollout: guards: {name}", entry, "dry_run", *_parameters(name, source))
    dry_run = bool(entry.get("dry_run", False))
    if source is Source.SHARES:
        return Guard(name, source, at_most=float(entry.get("at_most", 0.05)), dry_run=dry_run)
    return Guard(name, source, float(entry.get("tolerated", 1.25)), dry_run=dry_run)


def _parameters(name: str, source: Source) -> tuple[str, ...]:
    own = {"slower": ("by",), "tail": ("by",), "score_shift": ("more_than",), "decisions": ("of",)}.get(name, ())
    return (*own, "at_most" if source is Source.SHARES else "tolerated")


def _measure(name: str, entry: Mapping[str, Any]) -> Measure:
    decisions = tuple(str(one) for one in entry.get("of") or ())
    if name == "decisions" and not decisions:
        raise ValueError("rollout: guards: decisions: say which are counted: of: [decline]")
    margin = float(entry.get("by", entry.get("more_than", _MARGINS.get(name, 0.0))))
    if margin < 0 or (name in _MARGINS and not margin):
        raise ValueError(f"rollout: guards: {name}: the margin is {margin:g}; it lies above 0")
    return Measure(name, margin, decisions)


def _proof(entry: Mapping[str, Any]) -> ProofWanted:
    _known("rollout: promote", entry, *(one.name for one in fields(ProofWanted)))
    given = {name: type(getattr(ProofWanted(), name))(value) for name, value in entry.items()}
    return replace(_DEFAULT_PROOF, **given)


def _sources(document: Mapping[str, Any], guards: Iterable[str]) -> Sources:
    queries = tuple(_query(name, entry or {}) for name, entry in (document.get("queries") or {}).items())
    webhooks = tuple(_webhook(name, entry or {}) for name, entry in (document.get("webhooks") or {}).items())
    sources = Sources(queries, webhooks, str(document.get("prometheus") or ""))
    for source in sources.all:
        if source.name in guards:
            raise ValueError(f"rollout: {source.name!r} is a guard and a source: give the source a name of its own")
    return sources


def _query(name: str, entry: Mapping[str, Any]) -> Query:
    _known(f"rollout: queries: {name}", entry, "promql", "above", "below", "for_s", "every_s", "dry_run")
    above, below = float(entry.get("above", inf)), float(entry.get("below", -inf))
    return Query(name, **_turns(entry), promql=str(entry.get("promql", "")), above=above, below=below)


def _webhook(name: str, entry: Mapping[str, Any]) -> Webhook:
    _known(f"rollout: webhooks: {name}", entry, "url", "for_s", "every_s", "dry_run")
    return Webhook(name, url=str(entry.get("url", "")), **_turns(entry))


def _turns(entry: Mapping[str, Any]) -> dict[str, Any]:
    times = {ours: float(entry[theirs]) for theirs, ours in _OF_SOURCES.items() if theirs in entry}
    return {**times, "dry_run": bool(entry.get("dry_run", False))}


def _floors(entry: Mapping[str, Any]) -> FloorLimits:
    _known("rollout: floors", entry, *(one.name for one in fields(FloorLimits)))
    return FloorLimits(**{name: type(getattr(FloorLimits(), name))(value) for name, value in entry.items()})


def _schedule(
    shadow: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], held_back: Sequence[Mapping[str, Any]] | None
) -> Schedule:
    first = Step(Stage.SHADOW, 0, int(shadow.get("pairs", 2_000)), 60.0 * float(shadow.get("minutes", 5.0)))
    for step in steps:
        _known("rollout: steps", step, "weight", "units", "minutes", "approval")
    watched = _DEFAULT_HELD_BACK if held_back is None else held_back
    for one in watched:
        _known("rollout: held_back", one, "share", "minutes")
    return schedule(
        [first, *(_step(step) for step in steps)],
        [(float(one["share"]), 60.0 * float(one["minutes"])) for one in watched],
    )


def _step(entry: Mapping[str, Any]) -> Step:
    weight = round(float(entry["weight"]) * BUCKETS)
    seconds = 60.0 * float(entry.get("minutes", 0.0))
    return Step(Stage.CANARY, weight, int(entry.get("units", 0)), seconds, bool(entry.get("approval", False)))


def _known(where: str, entry: Mapping[str, Any], *names: str) -> None:
    unknown = sorted(set(entry) - set(names))
    if unknown:
        raise ValueError(f"{where}: {unknown[0]!r} is unknown; known are {', '.join(names)}")
