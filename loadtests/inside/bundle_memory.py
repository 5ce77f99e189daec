"""`python -m loadtests.inside.bundle_memory`: what each bundle that a worker would hold takes in memory, as JSON.

Every bundle is loaded and proved as a worker does it, after one that was thrown away: libraries and first-time costs
are no bundle's. What that one leaves free is used again, so a bundle's figure is rather too small than too large.
"""

import asyncio
import gc
import os
import sys
from argparse import ArgumentParser
from pathlib import Path

import msgspec

from gateway.backends.onnx import OnnxBackend
from gateway.bundle import load_bundle, prove
from gateway.deployment import Deployment
from gateway.supervisor.declarations import find_deployments
from loadtests.memory import memory_of

BUNDLES = Path("models/bundles")


def main(arguments: list[str] | None = None) -> int:
    """Print megabytes by bundle."""
    parser = ArgumentParser(prog="python -m loadtests.inside.bundle_memory", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"), help="where <name>/deployment.yaml lie")
    parser.add_argument("--bundles", type=Path, default=BUNDLES, help="where <deployment>/<version>/ lie")
    options = parser.parse_args(arguments)
    wanted = [(one.name, version) for one in find_deployments(options.models) for version in versions_of(one)]
    _load(options.bundles, *wanted[0])
    kept, taken = [], {}
    for name, version in wanted:
        before = _own()
        kept.append(_load(options.bundles, name, version))
        taken[f"{name}/{version}"] = _own() - before
    print(msgspec.json.encode(taken).decode())
    return 0


def versions_of(deployment: Deployment) -> list[str]:
    """Return the versions that a worker loads, each once."""
    table = deployment.table
    canary = [table.canary.version] if table.canary else []
    return list(dict.fromkeys([table.champion, *canary, *(shadow.version for shadow in table.shadows)]))


def _load(bundles: Path, name: str, version: str) -> object:
    bundle = load_bundle(bundles / name / version, name)
    backend = OnnxBackend(bundle.model, len(bundle.plan.features))
    asyncio.run(prove(bundle, backend))
    return bundle, backend


def _own() -> float:
    gc.collect()
    return memory_of(os.getpid()).uss


if __name__ == "__main__":
    sys.exit(main())
