"""The fraud champion as its files describe it: its model, columns, defaults, transform and decisions."""

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime as ort
import yaml
from numpy.typing import NDArray

Transform = Callable[[Mapping[str, NDArray[np.float64]]], dict[str, NDArray[np.float64]]]

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models/bundles/fraud/1/model.onnx"
TRANSFORM = ROOT / "models/fraud/transform.py"
DEPLOYMENT = ROOT / "models/fraud/deployment.yaml"
TRANSACTIONS = ROOT / "models/data/fraud_transactions_evalml.parquet"


class FraudFiles:
    """Reads the files on first use: by path, because the load tests import nothing of the offline side."""

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The bundle's manifest."""
        loaded: dict[str, Any] = msgspec.json.decode(MODEL.with_name("manifest.json").read_bytes())
        return loaded

    @cached_property
    def deployment(self) -> dict[str, Any]:
        """The deployment's declaration."""
        loaded: dict[str, Any] = yaml.safe_load(DEPLOYMENT.read_text(encoding="utf-8"))
        return loaded

    @property
    def columns(self) -> list[str]:
        """The model's columns, in its order."""
        return list(self.manifest["inputs"]["features"])

    @property
    def newest_event(self) -> float:
        """The time of the newest payment, in seconds."""
        return float(self.manifest["provenance"]["newest_event"])

    @property
    def defaults(self) -> dict[str, float]:
        """What stands for a stored feature that is not there."""
        return {name: float(value) for name, value in self.deployment["features"]["defaults"].items()}

    @cached_property
    def transform(self) -> Transform:
        """The request-time features' own code."""
        spec = spec_from_file_location("fraud_transform", TRANSFORM)
        if spec is None or spec.loader is None:
            raise ImportError(f"{TRANSFORM} is not Python")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        transform: Transform = module.transform
        return transform

    def decide(self, score: float) -> str:
        """Return the policy's decision on a score."""
        rule = self.deployment["policy"]["decide"]
        return next((str(step["decision"]) for step in rule["steps"] if score < step["below"]), str(rule["otherwise"]))


def open_session() -> ort.InferenceSession:
    """Open the champion in ONNX Runtime, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])
