"""The protocol's gRPC messages, which are those of Triton's own client: one process can hold no second copy of them.

tritonclient is an extra, and takes a moment to import: the first call that needs it waits for that, and no other.
"""

import asyncio
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any

from gateway.errors import InvalidRequest
from gateway.fronts.grpc_prediction import LENGTH_DELIMITED, delimited
from gateway.fronts.grpc_wire import GrpcRefusal
from gateway.fronts.open_inference.inference import Head, InferAnswer, refuse_unsupported
from gateway.fronts.status import GrpcStatus
from gateway.infer_parameter import get, put
from gateway.tensor import Tensor
from gateway.tensor_request import Parameter
from gateway.tensor_values import from_values

MODULE = "tritonclient.grpc.service_pb2"
_INSTALL = "the Open Inference Protocol over gRPC needs tritonclient here: install Sluice with its extra `triton`"

# By datatype; others travel as raw bytes only.
_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


Parameters = tuple[tuple[str, Parameter], ...]
Fields = tuple[tuple[str, str, tuple[int, ...]], ...]
Shaped = tuple[str, str, tuple[int, ...]]
_REMEMBERED = 4096
_SHORT = 256
"""Bytes of an input, but for its values, that is remembered."""


class Messages:
    """Gives the module of the messages, imported when it is first asked for, on another thread. `name` is its name."""

    def __init__(self, name: str = MODULE) -> None:
        self._name = name
        self._module: Any = None
        self._is_missing = False

    async def module(self) -> Any:
        """Return it. Raises `GrpcRefusal` where it is not installed."""
        if self._module is None:
            await self._load()
        return self._module

    async def _load(self) -> None:
        if not self._is_missing:
            try:
                self._module = await asyncio.to_thread(import_module, self._name)
            except ImportError:
                self._is_missing = True
        if self._is_missing:
            raise GrpcRefusal(GrpcStatus.UNIMPLEMENTED, _INSTALL)


def head_of(request: Any) -> Head:
    """Return all that a ModelInferRequest says but for its tensors. Raises `InvalidRequest`."""
    told = request.parameters
    said = {name: _parameter(name, value) for name, value in told.items()} if told else {}
    return Head(request.model_name, request.model_version, request.id, said)


def tensors_of(request: Any) -> Iterator[Tensor]:
    """Yield the inputs of a ModelInferRequest. Raises `InvalidRequest` or `TensorError`."""
    raw, inputs = request.raw_input_contents, request.inputs
    if not raw:
        yield from map(_typed, inputs)
        return
    shaped = [_shaped(tensor) for tensor in inputs]
    if len(raw) != len(shaped):
        raise InvalidRequest(f"raw_input_contents holds {len(raw)} tensors for {len(shaped)} inputs")
    for (name, datatype, shape), held in zip(shaped, raw, strict=True):
        yield Tensor(name, datatype, shape, held)


def wanted_of(request: Any) -> tuple[str, ...]:
    """Return the outputs that a ModelInferRequest asks for. Raises `InvalidRequest`."""
    names = []
    for output in request.outputs:
        if output.parameters:
            refuse_unsupported(f"output {output.name!r:.80}", output.parameters)
        names.append(output.name)
    return tuple(names)


class Encoder:
    """Encodes answers. Outputs are raw whatever inputs were, as Triton's: its clients read no others.

    What repeats from answer to answer is serialised once and remembered; a message is its fields one after the other.
    """

    def __init__(self, module: Any) -> None:
        self._message = module.ModelInferResponse
        self._id = self._tag("id")
        self._raw = self._tag("raw_output_contents")
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._frame)

    def encode(self, answer: InferAnswer) -> bytes:
        """Return a ModelInferResponse."""
        fields = tuple([tensor[:-1] for tensor in answer.outputs])
        parts = [self._remembered(answer.model, answer.version, tuple(answer.parameters.items()), fields)]
        parts.append(delimited(self._id, answer.id.encode()))
        parts += [delimited(self._raw, tensor.raw) for tensor in answer.outputs]
        return b"".join(parts)

    def _tag(self, field: str) -> bytes:
        return bytes([self._message.DESCRIPTOR.fields_by_name[field].number << 3 | LENGTH_DELIMITED])

    def _frame(self, model: str, version: str, parameters: Parameters, fields: Fields) -> bytes:
        """All of an answer that is not its own."""
        message = self._message(model_name=model, model_version=version)
        for name, value in parameters:
            put(message.parameters[name], value)
        for name, datatype, shape in fields:
            message.outputs.add(name=name, datatype=datatype, shape=shape)
        serialised: bytes = message.SerializeToString()
        return serialised


def _shaped(tensor: Any) -> Shaped:
    """Name, datatype and shape of an input whose bytes stand elsewhere. Callers send the same ones again and again."""
    serialised = tensor.SerializeToString()
    kind: Any = type(tensor)
    return _remembered(kind, serialised) if len(serialised) <= _SHORT else _read(kind, serialised)


def _read(kind: Any, serialised: bytes) -> Shaped:
    tensor = kind.FromString(serialised)
    refuse_unsupported(f"input {tensor.name!r:.80}", tensor.parameters)
    if tensor.contents.ByteSize():
        raise InvalidRequest(f"input {tensor.name!r:.80} has contents beside raw_input_contents: send one of them")
    return tensor.name, tensor.datatype, tuple(tensor.shape)


_remembered = lru_cache(_REMEMBERED)(_read)


def _typed(tensor: Any) -> Tensor:
    """An input that came as a list of its type; all other lists must be empty."""
    refuse_unsupported(f"input {tensor.name!r:.80}", tensor.parameters)
    field = _CONTENTS.get(tensor.datatype)
    if field is None:
        known = tensor.datatype in ("FP16", "BF16")
        raise InvalidRequest(
            f"input {tensor.name!r:.80} of {tensor.datatype!r:.40} "
            + ("has to come in raw_input_contents" if known else "has a datatype that does not exist")
        )
    strange = [one.name for one, _ in tensor.contents.ListFields() if one.name != field]
    if strange:
        raise InvalidRequest(f"input {tensor.name!r:.80} of {tensor.datatype} holds {strange[0]}; it wants {field}")
    return from_values(tensor.name, tensor.datatype, tuple(tensor.shape), getattr(tensor.contents, field))


def _parameter(name: str, message: Any) -> Parameter:
    value = get(message)
    if value is None:
        raise InvalidRequest(f"parameter {name!r:.80} has no value")
    return value
