"""From named tensors to rows: one tensor an entity or feature, or one that is the model's whole input.

Requests of one caller look alike but for their values: what follows from names, types and shapes is found out once, and
remembered.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

from gateway.call import Scalar
from gateway.errors import InvalidRequest, RequestTooLarge
from gateway.fronts.exchange import RowInput
from gateway.fronts.open_inference.signature import UNIT, Signature
from gateway.tensor import Tensor
from gateway.tensor_values import values_of

Shaped = tuple[str, str, tuple[int, ...]]
"""A tensor's name, datatype and shape."""
Column = tuple[str, int]
"""An input's name, and its place among the inputs."""

_VECTOR_TYPE, _VECTOR_SIZE = "FP32", 4
_REMEMBERED, _LONGEST = 256, 4096
_NO_INPUT = -1


class Layout:
    """How inputs of these names, types and shapes become rows.

    Raises `InvalidRequest` or `RequestTooLarge` for those that cannot; whether names, types and values suit the
    deployment is settled where all rows are read.
    """

    def __init__(self, inputs: Sequence[Shaped], signature: Signature, most: int) -> None:
        places = {name: at for at, (name, _, _) in enumerate(inputs)}
        if not inputs:
            wanted = ", ".join(field.name for field in signature.row_inputs if field.required)
            raise InvalidRequest(f"the request has no inputs: {signature.description.deployment} takes {wanted}")
        if len(places) != len(inputs):
            raise InvalidRequest("an input comes twice")
        self.rows = _length(inputs, signature.vector, most)
        self._unit_at = places.pop(UNIT, _NO_INPUT) if signature.takes_units else _NO_INPUT
        self._vector_at = places.get(signature.vector, _NO_INPUT)
        if self._vector_at != _NO_INPUT:
            _check_vector(inputs[self._vector_at], len(places))
        self._entities = tuple((name, at) for name, at in places.items() if name in signature.entities)
        self._features = tuple((name, at) for name, at in places.items() if name not in signature.entities)

    def read(self, tensors: Sequence[Tensor], unit: str) -> list[RowInput]:
        """Return the rows of such tensors. `unit` is every row's, where the request names one.

        Raises `InvalidRequest`, or `TensorError` where bytes are not what type and shape ask for.
        """
        units = self._units(tensors, unit)
        if self._vector_at != _NO_INPUT:
            return _vectors(tensors[self._vector_at], units)
        entities, features = _read(self._entities, tensors), _read(self._features, tensors)
        return [RowInput(_row(entities, at), _row(features, at), units[at]) for at in range(self.rows)]

    def _units(self, tensors: Sequence[Tensor], unit: str) -> Sequence[str]:
        if self._unit_at == _NO_INPUT:
            return [unit] * self.rows
        if unit:
            raise InvalidRequest("the unit comes as a parameter and as an input: send one of them")
        tensor = tensors[self._unit_at]
        column = _column(tensor)
        if not all(isinstance(one, int | str) and not isinstance(one, bool) for one in column):
            raise InvalidRequest(f"input unit must be BYTES or whole numbers, got {tensor.datatype}")
        return [str(one) for one in column]


class RowReader:
    """Makes rows of one deployment's requests, of at most `most` rows each."""

    def __init__(self, signature: Signature, most: int) -> None:
        self.signature = signature
        self._most = most
        self._known: Callable[[tuple[Shaped, ...]], Layout] = lru_cache(_REMEMBERED)(self._layout)

    def rows(self, tensors: Sequence[Tensor], unit: str) -> list[RowInput]:
        """Return the rows; see `Layout`."""
        shaped = tuple([tensor[:3] for tensor in tensors])
        short = sum([len(name) for name, _, _ in shaped]) <= _LONGEST  # nobody fills the memory with names
        layout = self._known(shaped) if short else self._layout(shaped)
        return layout.read(tensors, unit)

    def _layout(self, inputs: tuple[Shaped, ...]) -> Layout:
        return Layout(inputs, self.signature, self._most)


def _length(inputs: Sequence[Shaped], vector: str, most: int) -> int:
    """Return the number of rows, on which all inputs must agree, before anything is made of them."""
    rows = _NO_INPUT
    for name, _, shape in inputs:
        if name == vector:
            if len(shape) != 2:
                raise InvalidRequest(f"input {name!r:.80} has shape {list(shape[:8])}; it must be [rows, columns]")
        elif not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)):
            raise InvalidRequest(f"input {name!r:.80} has shape {list(shape[:8])}; it must be [rows] or [rows, 1]")
        if rows not in (_NO_INPUT, shape[0]):
            raise InvalidRequest(f"input {name!r:.80} has {shape[0]} rows, and others have {rows}")
        rows = shape[0]
    if rows < 1:
        raise InvalidRequest("the inputs have no rows: send at least one")
    if rows > most:
        raise RequestTooLarge(f"{rows} rows: at most {most} go into one request")
    return rows


def _check_vector(tensor: Shaped, inputs: int) -> None:
    name, datatype, _ = tensor
    if inputs > 1:
        raise InvalidRequest(f"input {name} is the model's whole input: send no others beside it but unit")
    if datatype != _VECTOR_TYPE:
        raise InvalidRequest(f"input {name} must be {_VECTOR_TYPE}, got {datatype!r:.40}")


def _vectors(tensor: Tensor, units: Sequence[str]) -> list[RowInput]:
    tensor.check()
    size = tensor.shape[1] * _VECTOR_SIZE
    return [RowInput({}, {}, unit, tensor.raw[at * size : (at + 1) * size]) for at, unit in enumerate(units)]


def _read(columns: Sequence[Column], tensors: Sequence[Tensor]) -> list[tuple[str, Sequence[Scalar]]]:
    return [(name, _column(tensors[at])) for name, at in columns]


def _column(tensor: Tensor) -> Sequence[Scalar]:
    values = values_of(tensor)
    try:
        return [value.decode() if isinstance(value, bytes) else value for value in values]
    except UnicodeDecodeError as exc:
        raise InvalidRequest(f"input {tensor.name!r:.80} holds BYTES that are not UTF-8") from exc


def _row(columns: Sequence[tuple[str, Sequence[Scalar]]], at: int) -> dict[str, Scalar]:
    return {name: column[at] for name, column in columns}
