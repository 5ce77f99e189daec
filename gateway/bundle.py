"""A bundle on disk, verified: manifest, plan, transform and golden rows agree with each other and their digests."""

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import Backend
from gateway.features.plan import Plan, PlanError, load_plan
from gateway.matrix import MatrixBuilder, MatrixError, Transform
from models.manifest import BundleError, Manifest, load_manifest

MODEL = "model.onnx"


@dataclass(frozen=True, slots=True)
class Golden:
    """Rows, shape (rows, features), with the scores that every load must reproduce within `tolerance` (absolute)."""

    rows: NDArray[np.float32]
    scores: NDArray[np.float64]
    tolerance: float


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle, not yet running anywhere."""

    manifest: Manifest
    plan: Plan
    builder: MatrixBuilder
    golden: Golden
    model: Path


def load_bundle(directory: Path, deployment: str, elsewhere: bool = False) -> Bundle:
    """Load and verify a bundle of `deployment`. Raises `BundleError`, one line that says what is wrong.

    The model file of one that runs `elsewhere` is left to whoever runs it: to prove the digest of a large one holds a
    processor up.
    """
    manifest = load_manifest(directory, elsewhere=(MODEL,) if elsewhere else ())
    if manifest.deployment != deployment:
        raise BundleError(f"{directory}: is a bundle of {manifest.deployment}, not of {deployment}")
    try:
        plan = load_plan(directory / "plan.json")
        if plan.features != manifest.inputs.features:
            raise BundleError(f"{directory}: plan.json and manifest.json disagree about the model's inputs")
        builder = MatrixBuilder(plan, _load_transform(plan))
    except (PlanError, MatrixError) as exc:
        raise BundleError(f"{directory}: {exc}") from exc
    return Bundle(manifest, plan, builder, _load_golden(directory / "golden.json"), directory / MODEL)


async def prove(bundle: Bundle, backend: Backend) -> None:
    """Run the golden rows, alone and together, which warms the backend. Raises `BundleError` when a score is off."""
    golden = bundle.golden
    together = await backend.run(golden.rows)
    alone = np.concatenate([await backend.run(golden.rows[at : at + 1]) for at in range(len(golden.rows))])
    for scores in (together, alone):
        worst = float(np.abs(scores - golden.scores).max())
        if not worst <= golden.tolerance:
            raise BundleError(f"{bundle.model.parent}: golden rows are off by {worst:g}, allowed {golden.tolerance:g}")


def _load_golden(path: Path) -> Golden:
    try:
        document = json.loads(path.read_bytes())
        rows = np.array(document["rows"], dtype=np.float32)
        scores = np.array(document["scores"], dtype=np.float64)
        tolerance = float(document["tolerance"])
    except (KeyError, TypeError, ValueError) as exc:
        raise BundleError(f"{path}: cannot be read: {exc!r}") from exc
    if rows.ndim != 2 or len(rows) == 0 or len(rows) != len(scores):
        raise BundleError(f"{path}: needs as many scores as rows, and at least one")
    return Golden(rows, scores, tolerance)


def _load_transform(plan: Plan) -> Transform | None:
    """Make the reviewed module that the plan names, if its source is the one that training used.

    The code is made of the very bytes that were compared. An import would return the module as it was when a former
    bundle needed it, whatever lies on disk by now.
    """
    declared = plan.transform
    if declared is None:
        return None
    if not (declared.module.startswith("models.") and declared.module.endswith(".transform")):
        raise BundleError(f"transform {declared.module!r} is not one of models.<name>.transform")
    source, origin = _source_of(declared.module)
    if hashlib.sha256(source).hexdigest() != declared.sha256:
        raise BundleError(
            f"transform {declared.module} is not the version that the bundle was trained with: train again"
        )
    module = ModuleType(declared.module)
    exec(compile(source, origin, "exec"), module.__dict__)  # noqa: S102  # reviewed, and proved to be what was reviewed
    transform: Transform = module.transform
    return transform


def _source_of(name: str) -> tuple[bytes, str]:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise BundleError(f"transform {name} is not installed here")
    return Path(spec.origin).read_bytes(), spec.origin
