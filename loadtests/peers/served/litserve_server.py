"""A LitServe server around the model, batched or not."""

import argparse
from collections.abc import Sequence

import litserve  # type: ignore[import-not-found] # lives in an environment of its own
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray


class Fraud(litserve.LitAPI):  # type: ignore[misc] # see the import
    """One row in, one score out; LitServe calls `predict` with a whole batch if it makes batches."""

    def __init__(self, model: str, batch: int, wait: float) -> None:
        super().__init__(max_batch_size=batch, batch_timeout=wait)
        self._model = model

    def setup(self, device: str) -> None:
        """Open the model, in the worker."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(self._model, options, providers=["CPUExecutionProvider"])

    def decode_request(self, request: dict[str, list[float]]) -> NDArray[np.float32]:
        """Take the columns out of the request."""
        return np.array(request["features"], dtype=np.float32)

    def predict(self, rows: NDArray[np.float32]) -> list[float]:
        """Score a row, or the rows of a batch."""
        scores: list[float] = self._session.run(["score"], {"features": np.atleast_2d(rows)})[0].ravel().tolist()
        return scores

    def batch(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Make one matrix of the rows."""
        return np.stack(inputs)

    def unbatch(self, output: list[float]) -> list[float]:
        """Give every caller the own score."""
        return output

    def encode_response(self, output: float | list[float]) -> dict[str, float]:
        """Answer with the score."""
        return {"score": output[0] if isinstance(output, list) else output}


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--wait", type=float, default=0.0, help="seconds that a batch may wait to be filled")
    parser.add_argument("--fast-queue", action="store_true")
    options = parser.parse_args()
    api = Fraud(options.model, options.batch, options.wait)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=options.fast_queue)
    server.run(host="127.0.0.1", port=options.port, num_api_servers=1, log_level="warning", generate_client_file=False)


if __name__ == "__main__":
    main()
