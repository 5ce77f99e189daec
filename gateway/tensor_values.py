"""The single values of a tensor as Python has them, in row-major order: for a few far quicker than by arrays."""

import struct
from collections.abc import Sequence

from gateway.tensor import BYTES, Tensor, TensorError, joined, split

Value = bool | int | float | bytes

_BOOL, _INTEGER, _NUMBER = frozenset((bool,)), frozenset((int,)), frozenset((int, float))
# By datatype: how `struct` packs one, and what it may be made of.
_PACKED = {
    "BOOL": ("?", _BOOL),
    "UINT8": ("B", _INTEGER),
    "UINT16": ("H", _INTEGER),
    "UINT32": ("I", _INTEGER),
    "UINT64": ("Q", _INTEGER),
    "INT8": ("b", _INTEGER),
    "INT16": ("h", _INTEGER),
    "INT32": ("i", _INTEGER),
    "INT64": ("q", _INTEGER),
    "FP16": ("e", _NUMBER),
    "FP32": ("f", _NUMBER),
    "FP64": ("d", _NUMBER),
}


def values_of(tensor: Tensor) -> Sequence[Value]:
    """Return the values. Raises `TensorError`; those of BF16 cannot be had."""
    if tensor.datatype == BYTES:
        return split(tensor)
    tensor.check()
    known = _PACKED.get(tensor.datatype)
    if known is None:
        raise TensorError(f"tensor {tensor.name!r:.80} of {tensor.datatype} can only be passed on")
    found: tuple[Value, ...] = struct.unpack(f"<{tensor.elements}{known[0]}", tensor.raw)
    return found


def from_values(name: str, datatype: str, shape: tuple[int, ...], values: Sequence[object]) -> Tensor:
    """Return values as a tensor. Raises `TensorError` where they do not fit it."""
    raw = joined(map(_as_bytes, values)) if datatype == BYTES else _packed(name, datatype, values)
    tensor = Tensor(name, datatype, shape, raw)
    tensor.check()
    return tensor


def _as_bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise TensorError(f"an element of BYTES is a text, not {type(value).__name__}")


def _packed(name: str, datatype: str, values: Sequence[object]) -> bytes:
    known = _PACKED.get(datatype)
    if known is None:
        raise TensorError(f"tensor {name!r:.80} of {datatype!r:.40} cannot be written as single values")
    code, kinds = known
    strange = set(map(type, values)) - kinds
    if strange:
        raise TensorError(f"tensor {name!r:.80} of {datatype} holds values of type {strange.pop().__name__}")
    try:
        return struct.pack(f"<{len(values)}{code}", *values)
    except (struct.error, OverflowError) as exc:
        raise TensorError(f"tensor {name!r:.80} holds a number that {datatype} cannot") from exc
