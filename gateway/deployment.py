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


def _build(document: Mapping[str, Any]) -> Deployment:
    name = str(document["deployment"])
    if not NAME.fullmatch(name):
        raise ValueError(f"deployment is {name!r:.80}; a name is 1 to 63 of a-z, 0-9, - and _, no sign first")
    clock = document["clock"]
    if clock not in ("wall", "replay"):
        raise ValueError(f"clock is {clock!r}; it is 'wall' or 'replay'")
    section, policy = document.get("rollout"), read_policy(document["policy"])
    budget_ms = float(document["budget_ms"])
    if not 0 < budget_ms <= 60_000:
        raise ValueError(f"budget_ms is {budget_ms:g}; it lies above 0 and up to 60000")
    return Deployment(
        name=name,
        unit=_read_unit(document["unit"]),
        clock=clock,
        budget=budget_ms / 1000,
        policy=policy,
        table=_read_table(name, document["arms"]),
        share=_read_share(document.get("share", 1.0)),
        views={str(view): _read_view(rule) for view, rule in (document.get("views") or {}).items()},
        record_share=_read_record_share(document.get("records") or {}),
        rollout=_read_rollout(section, policy),
        policy_digest=_digest(document["policy"]),
        rollout_digest=_digest({**(section or {}), "freeze": None}),
    )


def _read_rollout(section: object, policy: Policy) -> Declared:
    declared = read_rollout(section)
    for measure in declared.measures:
        strange = [one for one in measure.decisions if one not in policy.rule.decisions]
        if strange:
            known = ", ".join(dict.fromkeys(policy.rule.decisions))
            where = f"rollout: guards: {measure.name}: of"
            raise ValueError(f"{where}: the policy never decides {strange[0]!r:.80}; it decides {known}")
    return declared


def _digest(section: Mapping[str, Any]) -> str:
    canonical = json.dumps(section, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()


def _read_share(value: object) -> float:
    share = _number(value, "share")
    if not 0.01 <= share <= 100:
        raise ValueError(f"share is {share:g}; it lies between 0.01 and 100")
    return share


def _number(value: object, name: str) -> float:
    try:
        return float(str(value))
    except ValueError as exc:
        raise ValueError(f"{name} is {value!r}; it is a number") from exc


def _read_view(document: Mapping[str, Any]) -> ViewRule:
    unknown = sorted(set(document) - {"optional", "cache_ms", "last_known_s"})
    if unknown:
        raise ValueError(f"views: {unknown[0]!r} is unknown; known are optional, cache_ms and last_known_s")
    return ViewRule(
        optional=bool(document.get("optional", False)),
        cache=float(document.get("cache_ms", 0.0)) / 1000,
        last_known=float(document.get("last_known_s", 0.0)),
    )


def _read_record_share(document: Mapping[str, Any]) -> float:
    share = _number(document.get("share", 0.0), "records: share")
    if not 0 <= share <= 1:
        raise ValueError(f"records: share is {share:g}; it lies between 0 and 1")
    return share


def _read_unit(document: Mapping[str, str]) -> UnitRule:
    if len(document) != 1 or not set(document) <= {"entity", "request"}:
        raise ValueError(f"unit is {document!r}; it is {{entity: NAME}} or {{request: NAME}}")
    ((source, name),) = document.items()
    return UnitRule("entity" if source == "entity" else "request", str(name))


def _read_table(name: str, arms: Mapping[str, Any]) -> Table:
    canary = arms.get("canary")
    return Table(
        deployment=name,
        number=1,
        champion=str(arms["champion"]),
        salt=str(arms.get("salt", name)).encode(),
        canary=None if canary is None else Canary(str(canary["version"]), round(float(canary["weight"]) * BUCKETS)),
        shadows=tuple(Shadow(str(one["version"]), float(one["rate"])) for one in arms.get("shadows") or ()),
        fallback=None if arms.get("fallback") is None else str(arms["fallback"]),
    )
