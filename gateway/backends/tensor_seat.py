"""Where a model of any tensors runs in this process: on the event loop's thread only if every run is known to be short.

There are no golden rows to measure by. One request of zeros tells how long a run takes where all extents are fixed;
where one is the caller's choice nobody knows, and the model gets a thread of its own.
"""

import time
from collections.abc import Callable

import numpy as np

from gateway.backends.backend import BackendError
from gateway.backends.onnx_tensors import OnnxTensors, open_as_written
from gateway.tensor import zeros
from gateway.tensor_request import TensorRequest, in_array
from gateway.tensors.bundle import TensorBundle
from models.manifest import BundleError

_TIMES = 3


def open_tensors(bundle: TensorBundle) -> OnnxTensors:
    """Open the model, in a thread. Raises `BundleError`, also where its tensors are not the ones written down."""
    try:
        return open_as_written(bundle.model, bundle.manifest.inputs, bundle.manifest.outputs)
    except BackendError as exc:
        raise BundleError(f"{bundle.model.parent}: {exc}") from exc


def longest_run(backend: OnnxTensors, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds that any run takes, infinity where nobody knows."""
    if any(-1 in one.shape for one in backend.inputs):
        return np.inf
    request = in_array([TensorRequest([zeros(one.name, one.datatype, one.shape) for one in backend.inputs])])
    taken = []
    for _ in range(_TIMES):
        began = clock()
        try:
            backend.score(request)
        except BackendError:
            return np.inf
        taken.append(clock() - began)
    return min(taken)
