"""A BentoML service around the model: one worker; the model's path and the batch come from the environment."""

import os

import bentoml  # type: ignore[import-not-found] # lives in an environment of its own
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

BATCH = int(os.environ["PEER_BATCH"])


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Fraud:
    """Rows in, scores out."""

    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(os.environ["PEER_MODEL"], options, providers=["CPUExecutionProvider"])

    @bentoml.api(batchable=BATCH > 1, max_batch_size=max(2, BATCH), max_latency_ms=1000)  # type: ignore[untyped-decorator] # the same
    async def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score all rows in one run."""
        scores: NDArray[np.float32] = self._session.run(["score"], {"features": features.astype(np.float32)})[0]
        return scores
