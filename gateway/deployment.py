"""What a `deployment.yaml` says to the gateway: unit, clock, budget, policy and arms."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from gateway.policy import Policy, PolicyError, read_policy
from routing.split import BUCKETS
from routing.table import Canary, Shadow, Table, TableError


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


def read_deployment(path: Path) -> Deployment:
    """Read and check one `deployment.yaml`. Raises `DeploymentError`."""
    try:
        document = yaml.safe_load(path.read_text())
        return _build(document)
    except KeyError as exc:
        raise DeploymentError(f"{path}: {exc.args[0]!r} is missing") from exc
    except (OSError, yaml.YAMLError, PolicyError, TableError, AttributeError, TypeError, ValueError) as exc:
        raise DeploymentError(f"{path}: {' '.join(str(exc).split())}") from exc


def _build(document: Mapping[str, Any]) -> Deployment:
    name = str(document["deployment"])
    clock = document["clock"]
    if clock not in ("wall", "replay"):
        raise ValueError(f"clock is {clock!r}; it is 'wall' or 'replay'")
    budget_ms = float(document["budget_ms"])
    if not 0 < budget_ms <= 60_000:
        raise ValueError(f"budget_ms is {budget_ms:g}; it lies above 0 and up to 60000")
    return Deployment(
        name=name,
        unit=_read_unit(document["unit"]),
        clock=clock,
        budget=budget_ms / 1000,
        policy=read_policy(document["policy"]),
        table=_read_table(name, document["arms"]),
    )


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
    )
