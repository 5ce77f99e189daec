"""Owns the writing of a bundle: model, plan, golden rows and the manifest over them, in place all at once."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from models.errors import ParityError
from models.evaluate import Metrics
from models.export import INPUT, OUTPUT, Parity, onnx_scores
from models.manifest import MANIFEST, Inputs, Manifest, Output, canonical
from models.matrix import Matrix
from models.train import predict

GOLDEN_ROWS = 32


@dataclass(frozen=True, slots=True)
class Exported:
    """A model ready to be written, with all that its manifest says."""

    deployment: str
    version: str
    features: tuple[str, ...]
    model: bytes
    plan: Mapping[str, Any]
    golden: Mapping[str, Any]
    metrics: Metrics
    parity: Parity
    provenance: Mapping[str, Any]


def golden_rows(booster: lightgbm.Booster, model: bytes, matrix: Matrix, tolerance: float) -> dict[str, Any]:
    """Rows spread over the held-out ones by score, with the scores that every load must reproduce."""
    order = np.argsort(predict(booster, matrix), kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, GOLDEN_ROWS).round().astype(np.int64)]
    rows = matrix[chosen]
    scores = onnx_scores(model, rows)
    worst = float(np.abs(scores - predict(booster, rows)).max())
    if not worst <= tolerance:
        raise ParityError(f"golden rows differ from LightGBM by {worst:.3g}, allowed are {tolerance:.3g}")
    return {
        "rows": [[float(value) for value in row] for row in rows],
        "scores": [float(score) for score in scores],
        "tolerance": tolerance,
    }


def write_bundle(directory: Path, exported: Exported) -> Manifest:
    """Write the bundle beside its place, then move it there: a reader sees the old one or the new one."""
    contents = {
        "model.onnx": exported.model,
        "plan.json": canonical(exported.plan),
        "golden.json": canonical(exported.golden),
    }
    manifest = Manifest(
        deployment=exported.deployment,
        version=exported.version,
        inputs=Inputs(INPUT, "float32", exported.features),
        output=Output(OUTPUT, "float32"),
        files={name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        metrics=exported.metrics,
        parity=exported.parity.to_dict(),
        provenance=exported.provenance,
    )
    fresh = directory.with_name(f".{directory.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, content in {**contents, MANIFEST: manifest.to_json()}.items():
        (fresh / name).write_bytes(content)
    shutil.rmtree(directory, ignore_errors=True)
    fresh.rename(directory)
    return manifest
