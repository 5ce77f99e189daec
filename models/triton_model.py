"""Owns what a bundle is on Triton's Python backend: its model in ONNX Runtime, for servers that have no ONNX backend.

A copy of this file lies beside `model.onnx` in the version directory of every model that `triton_repository` writes
with `--python-backend`. It runs inside Triton, and imports nothing of ours. One run scores all requests that the
batcher has gathered; where that fails each of them is run by itself, so that nobody fails for another one's rows.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found] # exists inside Triton alone

# The wheels report on models and runs to their maker unless they are told not to before they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort


class TritonPythonModel:
    """The class that the backend looks for by name."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the model that lies beside this file."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        config = json.loads(args["model_config"])
        self._input, self._output = config["input"][0]["name"], config["output"][0]["name"]
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Return one response a request, in their order."""
        parts = [pb_utils.get_input_tensor_by_name(request, self._input).as_numpy() for request in requests]
        try:
            scores = self._scores(np.concatenate(parts))
        except Exception as exc:  # onnxruntime's errors share no base class of their own
            return [self._failed(exc)] if len(parts) == 1 else [self._alone(part) for part in parts]
        ends = np.cumsum([len(part) for part in parts])[:-1]
        return [self._scored(part) for part in np.split(scores, ends)]

    def _alone(self, rows: Any) -> Any:
        try:
            return self._scored(self._scores(rows))
        except Exception as exc:  # as above
            return self._failed(exc)

    def _scores(self, rows: Any) -> Any:
        return self._session.run([self._output], {self._input: rows})[0].reshape(-1, 1)

    def _scored(self, scores: Any) -> Any:
        return pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor(self._output, scores)])

    def _failed(self, error: Exception) -> Any:
        return pb_utils.InferenceResponse(output_tensors=[], error=pb_utils.TritonError(f"onnxruntime failed: {error}"))
