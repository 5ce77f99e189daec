"""A small gateway's files: declarations and bundles that a test may change, beside a Redis that holds nothing."""

import json
from dataclasses import dataclass
from pathlib import Path

from gateway.testing.bundles import write_bundle, write_manifest
from gateway.testing.plans import small_document

DECLARATION = """
deployment: {name}
unit: {{entity: card_id}}
clock: wall
budget_ms: 5000
policy:
  version: "1"
  contract: {{min: -1.0e+9, max: 1.0e+9}}
  decide: {{kind: thresholds, steps: [{{below: 0.5, decision: approve}}], otherwise: decline}}
arms: {arms}
"""


@dataclass(frozen=True)
class SmallHouse:
    """Where it lies. Every model's score is the amount that is asked about."""

    root: Path

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def bundles(self) -> Path:
        return self.root / "bundles"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def flags(self) -> list[str]:
        return ["--models", str(self.models), "--bundles", str(self.bundles)]

    def declare(self, name: str, **arms: object) -> Path:
        """Write the declaration; `arms` are its own, champion and all."""
        path = self.models / name / "deployment.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(DECLARATION.format(name=name, arms=json.dumps(arms)))
        return path

    def bundle(self, name: str, version: str) -> Path:
        """Write a bundle."""
        provenance = {"newest_event": 1_000.0, "of": version}
        return write_bundle(self.bundles / name, version, deployment=name, provenance=provenance)

    def break_golden(self, bundle: Path) -> None:
        """Make a whole bundle of it whose model does not do what its golden rows say."""
        golden = json.loads((bundle / "golden.json").read_text())
        golden["scores"][1] += 1.0
        (bundle / "golden.json").write_text(json.dumps(golden))
        write_manifest(bundle, bundle.name, small_document()["features"], deployment=bundle.parent.name)


def small_house(root: Path) -> SmallHouse:
    """Make a house with one deployment, `fraud`, with champion 1."""
    house = SmallHouse(root)
    house.bundle("fraud", "1")
    house.declare("fraud", champion="1")
    return house
