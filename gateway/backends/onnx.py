"""ONNX Runtime in this process, on the CPU unless another execution provider is named.

A run stays on the event loop's thread: a gradient booster needs some 7 µs a row, and a hop to another thread beside a
busy interpreter costs milliseconds.
"""

import os
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.backends.backend import BackendError, Timed, timed

# Since 1.29 the wheels report on models and runs to their maker, from a thread of their own, unless they are told not
# to before they are imported. Calling `disable_telemetry_events` later leaves the thread and its database.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as state

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
INPUT_TYPE = "tensor(float)"
# onnxruntime's errors share no base class of their own, so they are named one by one.
ORT_ERRORS = (
    state.EPFail,
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.InvalidProtobuf,
    state.NoModel,
    state.NoSuchFile,
    state.NotImplemented,
    state.RuntimeException,
    RuntimeError,
    ValueError,
)


def open_session(path: Path, threads: int = 1, provider: str = CPU) -> ort.InferenceSession:
    """Return a session over a model file; what `provider` cannot run of it is run on the CPU.

    Raises `BackendError`, also where ONNX Runtime would silently have done without that provider.
    """
    if provider not in ort.get_available_providers():
        raise BackendError(f"no {provider}: this is onnxruntime {ort.__version__} for {ort.get_device()}s")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what fails is raised with the same words: callers must not fill the log
    try:
        session = ort.InferenceSession(str(path), options, providers=list(dict.fromkeys([provider, CPU])))
    except ORT_ERRORS as exc:
        raise BackendError(f"{path.name} cannot be loaded: {exc}") from exc
    if provider not in session.get_providers():
        raise BackendError(f"{provider} cannot be used here: does this machine have such a device, and its libraries?")
    return session


class OnnxBackend:
    """One session over `model.onnx`, with as many threads as told (one unless there is a measured reason).

    Raises `BackendError` when the file is no model, or its one input is not float32 with `width` columns.
    """

    def __init__(self, path: Path, width: int, threads: int = 1, provider: str = CPU) -> None:
        self._session = open_session(path, threads, provider)
        self._input, self._outputs = self._check(path, width)

    async def run(self, rows: NDArray[np.float32], seconds: float = inf) -> NDArray[np.float64]:
        """Score on the calling thread."""
        return self.score(rows)

    async def timed(self, rows: NDArray[np.float32], seconds: float = inf) -> Timed:
        """Score on the calling thread, by that thread's own clock."""
        return timed(self.score, rows)

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score as `run` does, for who has no event loop. Raises `BackendError`."""
        try:
            (scores,) = self._session.run(self._outputs, {self._input: rows})
        except ORT_ERRORS as exc:
            raise BackendError(f"onnxruntime failed: {exc}") from exc
        return np.asarray(scores, dtype=np.float64).reshape(-1)

    async def close(self) -> None:
        """Nothing to release: the session ends with its last reference."""

    def _check(self, path: Path, width: int) -> tuple[str, list[str]]:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or inputs[0].type != INPUT_TYPE or inputs[0].shape[1:] != [width]:
            found = [(one.name, one.type, one.shape) for one in inputs]
            raise BackendError(f"{path.name} must take one {INPUT_TYPE} of {width} columns, not {found}")
        if "score" not in [one.name for one in outputs]:
            raise BackendError(f"{path.name} has no output called score, only {[one.name for one in outputs]}")
        return inputs[0].name, ["score"]
