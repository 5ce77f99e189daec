"""Owns the offline side's reading of deployment.yaml: what to train, what stands in for a feature that is not there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from models.errors import DeploymentError
from models.places import MODELS


@dataclass(frozen=True, slots=True)
class Training:
    """The `model` part: how the boosters are fitted, and between which figures they must come out."""

    data: tuple[str, ...]  # the files in models/data that it learns from
    objective: str
    rounds: int
    parameters: Mapping[str, Any]
    versions: Mapping[str, Mapping[str, Any]]  # version -> what differs from `parameters`, the seed at least
    features: tuple[str, ...]
    tolerance: float  # how far ONNX may be from LightGBM, and a load from the golden rows
    expect: Mapping[str, Mapping[str, tuple[float, float]]]  # rows judged -> metric -> lowest, highest


@dataclass(frozen=True, slots=True)
class Deployment:
    """What training needs to know of a deployment; the gateway reads the rest."""

    name: str
    unit: Mapping[str, str]  # what traffic is split by: {entity: its join key} or {request: a name for it}
    defaults: Mapping[str, float]
    refuse: tuple[str, ...]
    request: tuple[Mapping[str, Any], ...]
    training: Training

    def __post_init__(self) -> None:
        both = set(self.defaults) & set(self.refuse)
        if both:
            raise DeploymentError(f"{self.name}: {sorted(both)} have a default and are refused without: which?")
        for version, changes in self.training.versions.items():
            if "seed" not in changes:
                raise DeploymentError(f"{self.name}: version {version} names no seed")

    @property
    def request_names(self) -> tuple[str, ...]:
        return tuple(str(entry["name"]) for entry in self.request)


def declared(name: str) -> Deployment:
    """The deployment of that name, as this checkout declares it."""
    return read_deployment(MODELS / name / "deployment.yaml")


def read_deployment(path: Path) -> Deployment:
    """Read and check one deployment.yaml."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        model, features = raw["model"], raw["features"]
        return Deployment(
            name=raw["deployment"],
            unit=raw["unit"],
            defaults={name: float(value) for name, value in features["defaults"].items()},
            refuse=tuple(features["refuse"]),
            request=tuple(raw["request"]),
            training=_training(model),
        )
    except (KeyError, TypeError, AttributeError, yaml.YAMLError) as exc:
        raise DeploymentError(f"{path}: {exc!r}") from exc


def _training(model: Mapping[str, Any]) -> Training:
    expect = {
        rows: {metric: (float(low), float(high)) for metric, (low, high) in bounds.items()}
        for rows, bounds in model["expect"].items()
    }
    return Training(
        data=tuple(model["data"]),
        objective=model["objective"],
        rounds=int(model["rounds"]),
        parameters=model["parameters"],
        versions=model["versions"],
        features=tuple(model["features"]),
        tolerance=float(model["tolerance"]),
        expect=expect,
    )
