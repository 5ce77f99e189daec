"""ONNX Runtime in this process for any tensors: one request a run, for requests of one list share nothing."""

from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from gateway.backends.backend import BackendError, Timed, Unfit, timed
from gateway.backends.onnx import ORT_ERRORS, open_session
from gateway.tensor import TensorError, from_array, to_array
from gateway.tensor_request import TensorAnswer, TensorRequest, in_array
from models.manifest import BundleError
from models.tensor_manifest import TensorSpec, spec_of

# How onnxruntime says that the model had begun: what a node finds invalid is the model's affair.
_IN_A_NODE = "while running"


class OnnxTensors:
    """One session over a model file. Its rows are `TensorRequest`s, its scores `TensorAnswer`s.

    Raises `BackendError` when the file is no model, or has an input or output that is no tensor of a known type.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._session = open_session(path, threads)
        try:
            self.inputs = tuple(spec_of(one.name, one.type, one.shape) for one in self._session.get_inputs())
            self.outputs = tuple(spec_of(one.name, one.type, one.shape) for one in self._session.get_outputs())
        except BundleError as exc:
            raise BackendError(str(exc)) from exc

    async def run(self, rows: NDArray[Any], seconds: float = inf) -> NDArray[Any]:
        """Answer on the calling thread."""
        return self.score(rows)

    async def timed(self, rows: NDArray[Any], seconds: float = inf) -> Timed:
        """Answer on the calling thread, by that thread's own clock."""
        return timed(self.score, rows)

    def score(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Answer as `run` does, for who has no event loop. Raises `BackendError`, and `Unfit` among those."""
        return in_array([self._answer(request) for request in rows.tolist()])

    async def close(self) -> None:
        """Nothing to release: the session ends with its last reference."""

    def _answer(self, request: TensorRequest) -> TensorAnswer:
        names = [one.name for one in request.outputs] or [one.name for one in self.outputs]
        try:
            values = self._session.run(names, {one.name: _value(to_array(one)) for one in request.inputs})
        except (TensorError, UnicodeDecodeError) as exc:
            raise Unfit(f"onnxruntime does not take it: {exc}") from exc
        except ORT_ERRORS as exc:
            if isinstance(exc, state.InvalidArgument) and _IN_A_NODE not in str(exc):
                raise Unfit(f"onnxruntime does not take it: {exc}") from exc
            raise BackendError(f"onnxruntime failed: {exc}") from exc
        return TensorAnswer(_outputs(names, values))


def open_as_written(path: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> OnnxTensors:
    """Open a model whose tensors were written down. Raises `BackendError`, also where they are others now."""
    backend = OnnxTensors(path)
    if (backend.inputs, backend.outputs) != (tuple(inputs), tuple(outputs)):
        raise BackendError(f"{path.name} takes or gives other tensors than its manifest says")
    return backend


def _outputs(names: Sequence[str], values: Sequence[Any]) -> Any:
    try:
        return [from_array(name, np.asarray(value)) for name, value in zip(names, values, strict=True)]
    except TensorError as exc:
        raise BackendError(str(exc)) from exc


def _value(array: NDArray[Any]) -> NDArray[Any]:
    """Return what onnxruntime takes: its texts are UTF-8."""
    if array.dtype != np.object_:
        return array
    texts = np.empty(array.shape, dtype=np.object_)
    texts.reshape(-1)[:] = [one.decode() for one in array.reshape(-1).tolist()]
    return texts
