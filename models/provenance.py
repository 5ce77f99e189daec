"""Owns where a bundle comes from: digests of data, code and lock, and the stamp that calls it current."""

import hashlib
import subprocess
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

from models.deployment import Deployment
from models.manifest import BundleError, canonical, load_manifest
from models.places import BUNDLES, DATA, LOCK, MODELS, ROOT, booster_path, bundle_path, frame_path

TOOLS = ("feast", "lightgbm", "onnx", "onnxmltools", "onnxruntime", "numpy", "pandas", "duckdb")


def file_digest(path: Path) -> str:
    """sha256 of one file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def data_digests(deployment: Deployment) -> dict[str, str]:
    """The data files of a deployment, by their path in the repository."""
    return {_name(DATA / name): file_digest(DATA / name) for name in deployment.training.data}


def input_digest(deployment: Deployment) -> str:
    """One digest over everything that a deployment's bundles are made from; equal digests, equal bundles.

    Of deployment.yaml only what training reads: another canary weight is no reason to train again.
    """
    own = MODELS / deployment.name
    sources = [*MODELS.glob("*.py"), *own.glob("*.py"), *(MODELS / "feature_repo").iterdir()]
    files = {_name(path): file_digest(path) for path in sources if path.is_file()}
    tools = {tool: version(tool) for tool in TOOLS}
    everything = {
        "declared": asdict(deployment),
        "files": files,
        "data": data_digests(deployment),
        "lock": file_digest(LOCK),
        "tools": tools,
    }
    return hashlib.sha256(canonical(everything)).hexdigest()


def code_state() -> dict[str, str]:
    """The commit, and the sha256 of what differs from it under models/ and in the lock; empty texts where git is not
    or nothing differs."""
    commit = _git("rev-parse", "--verify", "--quiet", "HEAD").decode().strip()
    paths = ["models", _name(LOCK)]
    changed = _git("diff", "HEAD", "--binary", "--", *paths) if commit else b""
    unknown = _git("ls-files", "--others", "--exclude-standard", "--", *paths).decode().split("\n")
    changed += "".join(f"{name} {file_digest(ROOT / name)}\n" for name in sorted(unknown) if name).encode()
    return {"commit": commit, "diff": hashlib.sha256(changed).hexdigest() if changed else ""}


def version_digest(deployment: Deployment, number: str) -> str:
    """One digest over everything that one version's bundle is made from: the other versions are no part of it."""
    training = deployment.training
    alone = replace(training, versions={number: training.versions[number]})
    return input_digest(replace(deployment, training=alone))


def bundles_are_current(deployment: Deployment) -> bool:
    """Whether the bundles that lie there were made from these very inputs, and are still whole."""
    return frame_path(deployment.name).is_file() and not stale_versions(deployment)


def stale_versions(deployment: Deployment) -> list[str]:
    """The versions that have no bundle made from their very inputs: the others must keep their bytes.

    A table that people approved names bundles by digest; one that is made again carries another commit, and so another
    digest, and no gateway would serve it.
    """
    return [number for number in deployment.training.versions if not _is_current(deployment, number)]


def stamp_bundle(deployment: Deployment, number: str, digest: str) -> None:
    """Say from which inputs a version's bundle was made."""
    _stamp(deployment, number).write_text(digest, encoding="utf-8")


def _is_current(deployment: Deployment, number: str) -> bool:
    stamp = _stamp(deployment, number)
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != version_digest(deployment, number):
        return False
    try:
        load_manifest(bundle_path(deployment.name, number))
    except BundleError:
        return False
    return booster_path(deployment.name, number).is_file()


def _stamp(deployment: Deployment, number: str) -> Path:
    return BUNDLES / deployment.name / f"inputs-{number}.sha256"


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:  # a machine without git still builds
        return b""
    return done.stdout if done.returncode == 0 else b""
