"""What a `deployment.yaml` says to the gateway: unit, clock, budget, policy, arms, and what gives way under strain."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import yaml

from gateway.features.view_rule import ViewRule
from gateway.policy import Policy, PolicyError, read_policy
from routing.declared import Declared, read_rollout
from routing.reading import flag, listed, named, number, section, within
from routing.split import BUCKETS
from routing.table import Canary, Shadow, Table, TableError

# A name is a label of metrics, a part of addresses and the name of files.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# What a document can make Python say: of its types, of numbers that are too large, of what is nested too deep.
_STRANGE = (AttributeError, TypeError, ValueError, LookupError, ArithmeticError, RecursionError)


class DeploymentError(ValueError):
    """A `deployment.yaml` that cannot be served; one clear line names the file and the mistake."""


@dataclass(frozen=True, slots=True)
class UnitRule:
    """Where a row's unit comes from: one of its entities, or the request itself under a described name."""

    source: Literal["entity", "request"]
    name: str

    def __str__(self) -> str:
        return f"{self.source} {self.name}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment as declared. `budget` is in seconds."""

    name: str
    unit: UnitRule
    clock: Literal["wall", "replay"]
    budget: float
    policy: Policy
    table: Table
    share: float = 1.0
    """Its claim on a worker's time beside the other deployments, when there is not enough for all."""
    views: Mapping[str, ViewRule] = field(default_factory=dict)
    """By name of the feature view; a view that is not named has no rule."""
    record_share: float = 0.0
    """The share of calls, 0 to 1, of which a decision record is kept."""
    rollout: Declared = field(default_factory=lambda: read_rollout({}))
    """How a candidate becomes champion here, and what it is held to."""
    policy_digest: str = ""
    """Of the `policy` section, whatever its layout: sha256 in hexadecimal."""
    rollout_digest: str = ""
    """Of the `rollout` section, but for its freeze windows, which may change while a rollout runs."""


def read_deployment(path: Path) -> Deployment:
    """Read and check one `deployment.yaml`. Raises `DeploymentError`."""
    try:
        text = path.read_text()
    except (OSError, ValueError) as exc:
        raise DeploymentError(f"{path}: {exc}") from exc
    return parse_deployment(text, str(path))


def parse_deployment(text: str, where: str) -> Deployment:
    """Check the text of a `deployment.yaml`; messages call it `where`. Raises `DeploymentError`."""
    try:
        return _build(yaml.safe_load(text))
    except KeyError as exc:
        raise DeploymentError(f"{where}: {exc.args[0]!r} is missing") from exc
    except (yaml.YAMLError, PolicyError, TableError, *_STRANGE) as exc:
        raise DeploymentError(f"{where}: {' '.join(str(exc).split())}") from exc


def check_place(deployment: Deployment, path: Path) -> None:
    """Raise `DeploymentError` unless a declaration lies in the directory that is named for its deployment."""
    if deployment.name != path.parent.name:
        raise DeploymentError(f"{path}: declares {deployment.name}, and lies in {path.parent.name}/: name one")


def _build(said: object) -> Deployment:
    document = section(said)
    name = named(document, "deployment")
    if not NAME.fullmatch(name):
        raise ValueError(f"deployment is {name!r:.80}; a name is 1 to 63 of a-z, 0-9, - and _, no sign first")
    clock = document["clock"]
    if clock not in ("wall", "replay"):
        raise ValueError(f"clock is {clock!r:.80}; it is 'wall' or 'replay'")
    rollout, policy = document.get("rollout"), read_policy(document["policy"])
    return Deployment(
        name=name,
        unit=_read_unit(document["unit"]),
        clock=clock,
        budget=number(document, "budget_ms", above=0.0, most=60_000.0) / 1000,
        policy=policy,
        table=_read_table(name, document["arms"]),
        share=number(document, "share", 1.0, least=0.01, most=100.0),
        views=_read_views(document.get("views")),
        record_share=_read_record_share(document.get("records")),
        rollout=_read_rollout(rollout, policy),
        policy_digest=_digest(document["policy"]),
        rollout_digest=_digest({**(rollout or {}), "freeze": None}),
    )


def _read_rollout(said: object, policy: Policy) -> Declared:
    declared = read_rollout(said)
    for measure in declared.measures:
        strange = [one for one in measure.decisions if one not in policy.rule.decisions]
        if strange:
            known = ", ".join(dict.fromkeys(policy.rule.decisions))
            where = f"rollout: guards: {measure.name}: of"
            raise ValueError(f"{where}: the policy never decides {strange[0]!r:.80}; it decides {known}")
    return declared


def _digest(said: Mapping[str, Any]) -> str:
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()


def _read_views(said: object) -> dict[str, ViewRule]:
    with within("views"):
        return {view: _read_view(view, rule) for view, rule in section(said).items()}


def _read_view(view: str, said: object) -> ViewRule:
    with within(view):
        entry = section(said, "optional", "cache_ms", "last_known_s")
        return ViewRule(
            optional=flag(entry, "optional"),
            cache=number(entry, "cache_ms", 0.0) / 1000,
            last_known=number(entry, "last_known_s", 0.0),
        )


def _read_record_share(said: object) -> float:
    with within("records"):
        return number(section(said, "share"), "share", 0.0, least=0.0, most=1.0)


def _read_unit(said: object) -> UnitRule:
    with within("unit"):
        entry = section(said, "entity", "request")
        if len(entry) != 1:
            raise ValueError("it is {entity: NAME} or {request: NAME}")
        return UnitRule("entity" if "entity" in entry else "request", named(entry, *entry))


def _read_table(name: str, said: object) -> Table:
    with within("arms"):
        arms = section(said, "champion", "canary", "shadows", "fallback", "salt")
        return Table(
            deployment=name,
            number=1,
            champion=named(arms, "champion"),
            salt=named(arms, "salt", name).encode(),
            canary=None if arms.get("canary") is None else _read_canary(arms["canary"]),
            shadows=tuple(_read_shadow(one) for one in listed(arms, "shadows") or ()),
            fallback=None if arms.get("fallback") is None else named(arms, "fallback"),
        )


def _read_canary(said: object) -> Canary:
    with within("canary"):
        entry = section(said, "version", "weight")
        weight = round(number(entry, "weight", least=0.0, most=1.0) * BUCKETS)
        return Canary(named(entry, "version"), weight)


def _read_shadow(said: object) -> Shadow:
    with within("shadows"):
        entry = section(said, "version", "rate")
        return Shadow(named(entry, "version"), number(entry, "rate", least=0.0, most=1.0))
