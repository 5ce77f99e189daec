"""The part of a lane host that loads models and scores: slots in, slots out."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from gateway.backends.backend import BackendError, Unfit, timed
from gateway.backends.onnx import OnnxBackend
from gateway.backends.onnx_tensors import OnnxTensors, open_as_written
from gateway.host.bell import Answer, Request, Said
from gateway.host.order import HostedModel
from gateway.host.tensor_slots import NoRoom

# How onnxruntime and C++ say that memory could not be had: neither has an error of its own for it.
_NO_MEMORY = ("allocate memory", "bad_alloc", "bad allocation")


class CannotLoad(RuntimeError):
    """A model is not what was ordered."""


class OutOfMemory(RuntimeError):
    """Memory was asked for and not given. What that left half done nobody knows, so the host ends."""


class HostSlots(Protocol):
    """The host's side of slots: of `Slots`, or of `TensorSlots`."""

    def rows(self, slot: int, count: int, width: int) -> NDArray[Any]:
        """Return the rows in a slot."""

    def put_scores(self, slot: int, scores: NDArray[Any]) -> None:
        """Copy scores into a slot. Raises `NoRoom`."""


class Scorer:
    """The models of one order, loaded. Raises `CannotLoad` or `OutOfMemory`."""

    def __init__(self, models: Sequence[HostedModel], slots: HostSlots) -> None:
        self._slots = slots
        self._widths = [model.width for model in models]
        self._models = [_load(model) for model in models]

    def answer(self, request: Request) -> Answer:
        """Score what was asked for. Raises `OutOfMemory`."""
        sequence, model, slot, count = request
        try:
            scores, seconds = timed(self._models[model].score, self._slots.rows(slot, count, self._widths[model]))
            if len(scores) != count:
                raise BackendError(f"{len(scores)} scores for {count} rows")
            self._slots.put_scores(slot, scores)
        except MemoryError as exc:
            raise OutOfMemory("out of memory") from exc
        except Unfit as exc:
            return Answer(sequence, slot, count, Said.UNFIT, str(exc))
        except NoRoom as exc:
            return Answer(sequence, slot, count, Said.RAISED, str(exc))
        except BackendError as exc:
            _check_memory(exc)
            return Answer(sequence, slot, count, Said.RAISED, str(exc))
        return Answer(sequence, slot, count, Said.SCORED, took=round(seconds * 1e9))


def _load(model: HostedModel) -> OnnxBackend | OnnxTensors:
    path = Path(model.path)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != model.sha256:
            raise CannotLoad(f"{path}: sha256 is {digest[:12]}…, the manifest says {model.sha256[:12]}…")
        if model.inputs:
            return open_as_written(path, model.inputs, model.outputs)
        return OnnxBackend(path, model.width)
    except OSError as exc:
        raise CannotLoad(f"{path}: cannot be read: {exc.strerror}") from exc
    except MemoryError as exc:
        raise OutOfMemory("out of memory while loading") from exc
    except BackendError as exc:
        _check_memory(exc)
        raise CannotLoad(str(exc)) from exc


def _check_memory(error: BackendError) -> None:
    if any(words in str(error) for words in _NO_MEMORY):
        raise OutOfMemory("out of memory") from error
