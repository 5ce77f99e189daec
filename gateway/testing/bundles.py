"""A tiny bundle on disk for tests: the model's score is its first feature. Needs the `onnx` package."""

import hashlib
import json
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from gateway.testing.plans import small_document
from models.manifest import canonical


def write_model(path: Path, width: int, output: str = "score") -> None:
    """Write an ONNX model: float32 [N, width] in, the first column out, shape [N]."""
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None])]
    index = helper.make_tensor("index", TensorProto.INT64, [], [0])
    nodes = [helper.make_node("Gather", ["features", "index"], [output], axis=1)]
    graph = helper.make_graph(nodes, "first_column", inputs, outputs, [index])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def write_bundle(directory: Path, version: str = "1", **changes: Any) -> Path:
    """Write a bundle of `fraud` with the small plan into `directory/<version>`; `changes` go over the manifest."""
    bundle = directory / version
    bundle.mkdir(parents=True)
    plan = small_document()
    width = len(plan["features"])
    write_model(bundle / "model.onnx", width)
    (bundle / "plan.json").write_text(json.dumps(plan))
    rows = [[float(row)] + [0.0] * (width - 1) for row in range(4)]
    golden = {"rows": rows, "scores": [row[0] for row in rows], "tolerance": 1e-6}
    (bundle / "golden.json").write_text(json.dumps(golden))
    write_manifest(bundle, version, plan["features"], **changes)
    return bundle


def write_manifest(bundle: Path, version: str, features: list[str], **changes: Any) -> None:
    """Write a manifest that fits the files that lie in `bundle` now."""
    names = ("model.onnx", "plan.json", "golden.json")
    manifest = {
        "format": 1,
        "deployment": "fraud",
        "version": version,
        "inputs": {"name": "features", "dtype": "float32", "features": features},
        "output": {"name": "score", "dtype": "float32"},
        "files": {name: hashlib.sha256((bundle / name).read_bytes()).hexdigest() for name in names},
        "metrics": {},
        "parity": {"rows": 4, "max_difference": 0.0},
        "provenance": {"newest_event": 1_000.0},
        **changes,
    }
    (bundle / "manifest.json").write_bytes(canonical(manifest))
