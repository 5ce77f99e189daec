"""What Triton's Python backend runs: the model in ONNX Runtime, one run for all requests that the batcher gathered."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found] # exists inside Triton alone


class TritonPythonModel:
    """The class that the backend looks for by name."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the model that the configuration names."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        path = json.loads(args["model_config"])["parameters"]["model"]["string_value"]
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Score all requests in one run and cut the scores apart again."""
        features = [pb_utils.get_input_tensor_by_name(request, "features").as_numpy() for request in requests]
        scores = self._session.run(["score"], {"features": np.concatenate(features)})[0]
        ends = np.cumsum([len(part) for part in features])[:-1]
        return [
            pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("score", part)])
            for part in np.split(scores, ends)
        ]
