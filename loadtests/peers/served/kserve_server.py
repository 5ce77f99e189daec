"""A KServe model server around the model; takes the model's path, then KServe's own options."""

import argparse

import onnxruntime as ort
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server  # type: ignore[import-not-found] # lives in an environment of its own


class Fraud(Model):  # type: ignore[misc] # see the import
    """The model, ready from the start."""

    def __init__(self, path: str) -> None:
        super().__init__("fraud")
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.ready = True

    async def predict(
        self,
        payload: InferRequest,
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> InferResponse:
        """Score one request."""
        scores = self._session.run(["score"], {"features": payload.inputs[0].as_numpy()})[0]
        output = InferOutput("score", list(scores.shape), "FP32")
        output.set_data_from_numpy(scores, binary_data=True)
        return InferResponse(payload.id, "fraud", [output])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("--model", required=True)
    ModelServer().start([Fraud(parser.parse_args().model)])
