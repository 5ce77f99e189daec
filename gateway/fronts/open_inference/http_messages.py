"""Bodies of the protocol over HTTP: JSON, and behind it the raw bytes of tensors (its binary tensor data extension).

`Inference-Header-Content-Length` says how long the JSON is where bytes follow it; each tensor's `binary_data_size` says
how many are its own, one after the other.
"""

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from gateway.errors import InvalidRequest
from gateway.fronts.json_wire import encode
from gateway.fronts.open_inference.inference import Head, InferAnswer, refuse_unsupported
from gateway.tensor import Tensor
from gateway.tensor_request import Parameter
from gateway.tensor_values import from_values, values_of

T = TypeVar("T")
Extent = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Parameters = dict[str, Parameter | None]

_SIZE, _AS_BINARY, _ALL_BINARY = "binary_data_size", "binary_data", "binary_data_output"
_NOTHING = msgspec.Raw(b"")
_LENGTH_DIGITS = 10


class TensorBody(msgspec.Struct, gc=False):
    """One input; its data are read when it is known that there is time for them."""

    name: str
    shape: list[Extent]
    datatype: str
    parameters: Parameters | None = None
    data: msgspec.Raw = _NOTHING


class WantedBody(msgspec.Struct, gc=False):
    """One output that is asked for."""

    name: str
    parameters: Parameters | None = None


class InferBody(msgspec.Struct, gc=False):
    """A request. Fields that nobody here knows are not looked at: other servers may."""

    inputs: list[TensorBody]
    id: str | None = None
    parameters: Parameters | None = None
    outputs: list[WantedBody] | None = None


class IndexBody(msgspec.Struct, gc=False):
    """A request for the index; all that is listed is ready, so `ready` changes nothing."""

    repository_name: str = ""
    ready: bool = False


class InferRequest(NamedTuple):
    """A request as it was read: its JSON, and the bytes behind it."""

    body: InferBody
    binary: memoryview

    def head(self, model: str, version: str) -> Head:
        """Return all that it says but for its tensors; the path has named the model."""
        said = {name: value for name, value in (self.body.parameters or {}).items() if value is not None}
        return Head(model, version, self.body.id or "", said)

    def tensors(self) -> Iterator[Tensor]:
        """Yield the inputs. Raises `InvalidRequest` or `TensorError`."""
        at = 0
        for tensor in self.body.inputs:
            size = _binary_size(tensor)
            if size is None:
                yield _from_json(tensor)
                continue
            if size > len(self.binary) - at:
                raise InvalidRequest(f"input {tensor.name!r:.80} has more {_SIZE} than bytes follow")
            yield Tensor(tensor.name, tensor.datatype, tuple(tensor.shape), bytes(self.binary[at : at + size]))
            at += size
        if at != len(self.binary):
            raise InvalidRequest(f"{len(self.binary) - at} bytes follow that are no input's {_SIZE}")

    def wanted(self) -> tuple[str, ...]:
        """Return the outputs that are asked for. Raises `InvalidRequest`."""
        for one in self.body.outputs or ():
            if one.parameters:
                refuse_unsupported(f"output {one.name!r:.80}", one.parameters)
        return tuple([one.name for one in self.body.outputs or ()])

    def as_binary(self, output: str) -> bool:
        """Whether an output is to travel as bytes behind the JSON."""
        whole = (self.body.parameters or {}).get(_ALL_BINARY) is True
        own = next((one.parameters or {} for one in self.body.outputs or () if one.name == output), {})
        return own.get(_AS_BINARY, whole) is True


_infer = msgspec.json.Decoder(InferBody)
_index = msgspec.json.Decoder(IndexBody)
_decode: Any = msgspec.json.Decoder(Any).decode


def read(body: bytes, header_length: bytes | None) -> InferRequest:
    """Part the JSON from what follows it, and read it; tensors are read later. Raises `InvalidRequest`."""
    length = len(body)
    if header_length is not None:
        if not header_length.isdigit() or len(header_length) > _LENGTH_DIGITS or not 0 < int(header_length) <= length:
            raise InvalidRequest("header inference-header-content-length must be the length of the JSON, in bytes")
        length = int(header_length)
    return InferRequest(_read(_infer, memoryview(body)[:length]), memoryview(body)[length:])


def read_index(body: bytes) -> str:
    """Return the repository that an index is asked of, if one is named. Raises `InvalidRequest`."""
    return _read(_index, memoryview(body)).repository_name if body else ""


def _read(decoder: msgspec.json.Decoder[T], body: memoryview) -> T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as exc:
        raise InvalidRequest(f"the request does not fit: {exc}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"the request is not JSON: {exc}") from exc
    except RecursionError as exc:
        raise InvalidRequest("the request is nested too deeply") from exc


def written(answer: InferAnswer, request: InferRequest) -> tuple[bytes, int | None]:
    """Return the body, and the length of its JSON where bytes follow."""
    said: dict[str, Any] = {"model_name": answer.model, "id": answer.id, "parameters": answer.parameters}
    if answer.version:
        said["model_version"] = answer.version
    outputs: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for tensor in answer.outputs:
        output: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
        if request.as_binary(tensor.name):
            output["parameters"] = {_SIZE: len(tensor.raw)}
            parts.append(tensor.raw)
        else:
            output["data"] = _data(tensor)
        outputs.append(output)
    header = encode({**said, "outputs": outputs})
    return (b"".join((header, *parts)), len(header)) if parts else (header, None)


def _data(tensor: Tensor) -> list[Any]:
    """The elements as JSON has them; what is no number becomes null."""
    values = values_of(tensor)
    return [one.decode() if isinstance(one, bytes) else one for one in values]


def _binary_size(tensor: TensorBody) -> int | None:
    parameters = tensor.parameters
    if not parameters:
        return None
    refuse_unsupported(f"input {tensor.name!r:.80}", parameters)
    size = parameters.get(_SIZE)
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise InvalidRequest(f"{_SIZE} of input {tensor.name!r:.80} must be a number of bytes")
    if bytes(tensor.data):
        raise InvalidRequest(f"input {tensor.name!r:.80} has both data and {_SIZE}: send one of them")
    return size


def _from_json(tensor: TensorBody) -> Tensor:
    raw = bytes(tensor.data)
    if not raw:
        raise InvalidRequest(f"input {tensor.name!r:.80} has no data")
    try:
        values = _flat(_decode(raw))
        return from_values(tensor.name, tensor.datatype, tuple(tensor.shape), values)
    except (msgspec.DecodeError, UnicodeError) as exc:
        raise InvalidRequest(f"the data of input {tensor.name!r:.80} are not JSON: {exc}") from exc
    except RecursionError as exc:
        raise InvalidRequest(f"the data of input {tensor.name!r:.80} are nested too deeply") from exc


def _flat(data: Any) -> list[Any]:
    """The values in row-major order, whether they came nested as their shape is or in one list."""
    values: list[Any] = data if isinstance(data, list) else [data]
    while values and isinstance(values[0], list) and all(isinstance(one, list) for one in values):
        values = [value for one in values for value in one]
    return values
