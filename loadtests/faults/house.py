"""The models and bundles that a gateway under test is given: the real ones, and what a scenario puts in their place."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loadtests.serving import ServingError

_MAKE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class HardBundle:
    """A bundle that misbehaves: `traits` are the words for `python -m loadtests.inside.hard_bundle`."""

    version: str
    traits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class House:
    """Where `sluice serve --models --bundles` look."""

    models: Path
    bundles: Path

    def flags(self) -> list[str]:
        """Return the flags that name the two."""
        return ["--models", str(self.models), "--bundles", str(self.bundles)]

    def declare(self, deployment: str, changes: Mapping[str, Any]) -> None:
        """Write `deployment.yaml` anew with some of it changed; a change that is a mapping changes what it names."""
        path = self.models / deployment / "deployment.yaml"
        document = _merged(yaml.safe_load(path.read_text(encoding="utf-8")), changes)
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def build_house(folder: Path, models: Path, bundles: Path, deployment: str, hard: tuple[HardBundle, ...]) -> House:
    """Build a house of one deployment: copies of its real bundles, and the hard ones made from its champion's."""
    house = House(folder / "models", folder / "bundles")
    shutil.rmtree(folder, ignore_errors=True)
    (house.models / deployment).mkdir(parents=True)
    shutil.copyfile(models / deployment / "deployment.yaml", house.models / deployment / "deployment.yaml")
    for version in (path for path in (bundles / deployment).iterdir() if path.is_dir()):
        shutil.copytree(version, house.bundles / deployment / version.name)
    base = house.bundles / deployment / "1"
    for one in hard:
        _make(base, house.bundles / deployment / one.version, one)
    return house


def _make(base: Path, to: Path, hard: HardBundle) -> None:
    """Have the bundle made by a process of its own: it needs onnx and the manifest's code, which we do not import."""
    command = [sys.executable, "-m", "loadtests.inside.hard_bundle", str(base), str(to), *hard.traits]
    made = subprocess.run(command, capture_output=True, text=True, timeout=_MAKE_SECONDS, check=False)
    if made.returncode:
        raise ServingError(f"no bundle {hard.version}: {made.stderr.strip()[-400:]}")


def _merged(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with the changes; None takes an entry out."""
    merged = dict(document)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
            merged[name] = _merged(merged[name], value)
        else:
            merged[name] = value
    return merged
