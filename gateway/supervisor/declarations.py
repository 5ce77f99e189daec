"""Reads every `deployment.yaml`, with the bundles that it names: what is declared now, or why that cannot be."""

from dataclasses import dataclass
from pathlib import Path

from gateway.deployment import Deployment, DeploymentError, check_place, parse_deployment, read_deployment
from gateway.served import Served
from models.manifest import BundleError
from models.tensor_manifest import load_any_manifest

FILE = "deployment.yaml"


@dataclass(frozen=True, slots=True)
class Declared:
    """One declaration, read and checked, and what the manifests of its bundles say."""

    text: str
    deployment: Deployment
    digests: dict[str, str]
    newest_event: float
    """Unix seconds of the newest row that the champion's data hold: where a replay clock begins."""


Found = Declared | DeploymentError | BundleError


def read_declarations(models: Path, bundles: Path) -> dict[str, Found]:
    """Return what was found, by name of the directory, which is the deployment's: a declaration, or what is wrong."""
    return {path.parent.name: _read(path, bundles) for path in sorted(models.glob(f"*/{FILE}"))}


def find_deployments(models: Path) -> list[Deployment]:
    """Return every deployment that has a `deployment.yaml`, by name. Raises `DeploymentError`."""
    paths = sorted(models.glob(f"*/{FILE}"))
    if not paths:
        raise DeploymentError(f"{models}: no <name>/{FILE} here")
    return [read_deployment(path) for path in paths]


def check_bundles(served: Served, bundles: Path) -> None:
    """Raise `BundleError` unless every bundle that is meant lies there, whole and unchanged."""
    for version, digest in served.digests.items():
        directory = bundles / served.name / version
        if load_any_manifest(directory).digest() != digest:
            raise BundleError(f"{directory}: is another bundle than table {served.table.number} means")


def versions_of(deployment: Deployment) -> list[str]:
    """Return every bundle version that has an arm, the champion's first."""
    return list(deployment.table.versions)


def _read(path: Path, bundles: Path) -> Found:
    try:
        text = path.read_text()
        deployment = parse_deployment(text, str(path))
        check_place(deployment, path)
        manifests = {one: load_any_manifest(bundles / deployment.name / one) for one in versions_of(deployment)}
    except (DeploymentError, BundleError) as exc:
        return exc
    except (OSError, UnicodeDecodeError) as exc:
        return DeploymentError(f"{path}: cannot be read: {exc}")
    digests = {version: manifest.digest() for version, manifest in manifests.items()}
    return Declared(text, deployment, digests, manifests[deployment.table.champion].newest_event)
