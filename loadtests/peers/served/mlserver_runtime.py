"""The inference runtime that MLServer loads; its adaptive batcher hands over whole batches."""

import onnxruntime as ort
from mlserver import MLModel  # type: ignore[import-not-found] # lives in an environment of its own
from mlserver.codecs import NumpyCodec  # type: ignore[import-not-found] # the same
from mlserver.types import InferenceRequest, InferenceResponse  # type: ignore[import-not-found] # the same


class OnnxRuntime(MLModel):  # type: ignore[misc] # see the imports
    """The model of the settings' `uri`, in ONNX Runtime."""

    async def load(self) -> bool:
        """Open the model."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(self.settings.parameters.uri, options, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Score one request, or a batch that was made of several."""
        features = NumpyCodec.decode_input(payload.inputs[0])
        scores = self._session.run(["score"], {"features": features})[0]
        output = NumpyCodec.encode_output("score", scores)
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=[output])
