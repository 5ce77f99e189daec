"""Rows as Triton's messages, and scores out of them. Bytes in, bytes out: nothing here knows a socket.

The messages are those of Triton's own client: the package `inference` may stand only once in a process.
"""

from collections.abc import Iterable
from math import ceil, isinf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types

from gateway.backends.backend import BackendError
from gateway.infer_parameter import get, put
from gateway.tensor import Tensor
from gateway.tensor_request import TensorAnswer, TensorRequest
from models.tensor_manifest import TensorSpec

FLOAT32 = "FP32"
VERSION = "1"
"""The one version directory of a bundle's model: another bundle is another model."""
MOST_ROWS = 256
"""Rows that a request may have: more go in several."""
_ROWS_DTYPE = np.dtype("<f4")
_MICROSECONDS = 1e6
OURS = frozenset(("unit", "priority", "timeout", "partial"))
"""Parameters that callers send to Sluice. Triton's own priorities mean something only where its model has some."""


class Named(NamedTuple):
    """A model as Triton knows it; an empty version is Triton's choice."""

    model: str
    version: str = VERSION


class Served(NamedTuple):
    """What a bundle is called on Triton: the model, its one input of so many columns, its one output."""

    model: str
    input: str
    columns: int
    output: str


def infer_request(served: Served, rows: NDArray[np.float32]) -> pb.ModelInferRequest:
    """Return the request that scores rows, shape (rows, columns)."""
    request = pb.ModelInferRequest(model_name=served.model, model_version=VERSION)
    request.inputs.add(name=served.input, datatype=FLOAT32, shape=rows.shape)
    request.outputs.add(name=served.output)
    request.raw_input_contents.append(np.ascontiguousarray(rows, _ROWS_DTYPE).tobytes())
    return request


def limit(request: pb.ModelInferRequest, seconds: float) -> None:
    """Have Triton throw the request away, unexecuted, when it has waited so long for its turn."""
    if isinf(seconds):
        request.parameters.pop("timeout", None)
    else:
        request.parameters["timeout"].int64_param = max(1, ceil(seconds * _MICROSECONDS))


def rows_of(request: pb.ModelInferRequest) -> int:
    """Return how many rows a request asks about: the first extent is theirs, if anything is."""
    shape = request.inputs[0].shape
    return int(shape[0]) if shape else 1


def tensor_request(named: Named, asked: TensorRequest) -> pb.ModelInferRequest:
    """Return the request that passes tensors on, with the parameters that came with them."""
    request = pb.ModelInferRequest(model_name=named.model, model_version=named.version)
    for tensor in asked.inputs:
        request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        request.raw_input_contents.append(tensor.raw)
    for output in asked.outputs:
        request.outputs.add(name=output.name)
    for name, value in asked.parameters.items():
        if name not in OURS:
            put(request.parameters[name], value)
    return request


def tensor_answer(response: pb.ModelInferResponse) -> TensorAnswer:
    """Return what came back. Raises `BackendError` for an answer without raw contents, which Triton never gives."""
    if len(response.raw_output_contents) != len(response.outputs):
        raise BackendError("Triton answered without raw contents")
    outputs = [
        Tensor(one.name, one.datatype, tuple(one.shape), raw)
        for one, raw in zip(response.outputs, response.raw_output_contents, strict=True)
    ]
    said = ((name, get(one)) for name, one in response.parameters.items())
    return TensorAnswer(outputs, {name: "" if value is None else value for name, value in said})


def specs(tensors: Iterable[pb.ModelMetadataResponse.TensorMetadata]) -> tuple[TensorSpec, ...]:
    """Return inputs or outputs as a bundle has them."""
    return tuple(TensorSpec(one.name, one.datatype, tuple(one.shape)) for one in tensors)


def scores(served: Served, response: pb.ModelInferResponse, rows: int) -> NDArray[np.float64]:
    """Return the scores of so many rows. Raises `BackendError` for an answer that does not fit them."""
    names = [output.name for output in response.outputs]
    if served.output not in names or len(response.raw_output_contents) != len(names):
        raise BackendError(f"Triton answered with {names}, not with {served.output} as raw contents")
    at = names.index(served.output)
    raw, datatype = response.raw_output_contents[at], response.outputs[at].datatype
    if datatype != FLOAT32 or len(raw) != rows * _ROWS_DTYPE.itemsize:
        raise BackendError(f"Triton answered {len(raw)} bytes of {datatype} for the scores of {rows} rows")
    return np.frombuffer(raw, _ROWS_DTYPE).astype(np.float64)
