"""A named tensor as the Open Inference Protocol knows it, whoever carries it: name, type, shape and raw bytes.

The bytes are little-endian and row-major; of BYTES each element stands behind its length in four bytes. This is the
"binary tensor data" of the protocol's HTTP extension and the `raw_input_contents` of its gRPC messages
(github.com/kserve/open-inference-protocol, github.com/triton-inference-server/server/blob/main/docs/protocol).
"""

from collections.abc import Iterable
from math import prod
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BYTES = "BYTES"
BFLOAT16 = "BF16"
_ARRAY_TYPES = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_BF16_SIZE = 2
DATATYPES = frozenset((*_ARRAY_TYPES, BYTES, BFLOAT16))
_LENGTH = Struct("<I")
MAX_RANK = 32
"""Dimensions of a tensor; numpy holds 64, and no model of ours has ten."""


class TensorError(ValueError):
    """A tensor whose type, shape and bytes do not agree; one clear line says how."""


class Tensor(NamedTuple):
    """One input or output. BF16 travels on as it is: numpy has no such type."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    raw: bytes

    @property
    def elements(self) -> int:
        """How many values the shape asks for."""
        return prod(self.shape)

    def check(self) -> None:
        """Raise `TensorError` unless the bytes are what type and shape ask for."""
        if self.datatype not in DATATYPES:
            raise TensorError(f"tensor {self.name!r:.80} has datatype {self.datatype!r:.40}, which does not exist")
        if len(self.shape) > MAX_RANK:
            raise TensorError(
                f"tensor {self.name!r:.80} has {len(self.shape)} dimensions: at most {MAX_RANK} are taken"
            )
        if self.shape and min(self.shape) < 0:
            raise TensorError(f"tensor {self.name!r:.80} has shape {list(self.shape)}: no extent is below zero")
        if self.datatype == BYTES:
            split(self)
            return
        wanted = self.elements * _size(self.datatype)
        if len(self.raw) != wanted:
            raise TensorError(
                f"tensor {self.name!r:.80} of {self.datatype} {list(self.shape)} is {wanted} bytes, got {len(self.raw)}"
            )
        if self.datatype == "BOOL" and self.raw.strip(b"\x00\x01"):
            raise TensorError(f"tensor {self.name!r:.80} holds bytes that are no BOOL: only 0 and 1 are")


def zeros(name: str, datatype: str, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor of zeros, or of empty texts."""
    return Tensor(name, datatype, shape, bytes(prod(shape) * (_LENGTH.size if datatype == BYTES else _size(datatype))))


def split(tensor: Tensor) -> list[bytes]:
    """Return the elements of a tensor of BYTES. Raises `TensorError` where lengths and bytes do not agree."""
    raw, at, parts = tensor.raw, 0, list[bytes]()
    while at < len(raw) and len(parts) <= tensor.elements:
        if at + _LENGTH.size > len(raw):
            break
        (length,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        parts.append(raw[at : at + length])
        at += length
    if at != len(raw) or len(parts) != tensor.elements:
        raise TensorError(
            f"tensor {tensor.name!r:.80} of BYTES {list(tensor.shape)} wants {tensor.elements} elements,"
            " each behind its length in four bytes, and holds something else"
        )
    return parts


def joined(parts: Iterable[bytes]) -> bytes:
    """Return the raw bytes of a tensor of BYTES."""
    return b"".join([_LENGTH.pack(len(part)) + part for part in parts])


def to_array(tensor: Tensor) -> NDArray[np.generic]:
    """Return the values in their shape; of BYTES as objects. Raises `TensorError`; BF16 cannot be had."""
    tensor.check()
    if tensor.datatype == BFLOAT16:
        raise TensorError(f"tensor {tensor.name!r:.80} of BF16 can only be passed on")
    if tensor.datatype == BYTES:
        values = np.empty(tensor.elements, dtype=np.object_)
        values[:] = split(tensor)
        return values.reshape(tensor.shape)
    return np.frombuffer(tensor.raw, _ARRAY_TYPES[tensor.datatype]).reshape(tensor.shape)


def from_array(name: str, array: NDArray[np.generic]) -> Tensor:
    """Return an array as a tensor; one of objects holds texts or bytes. Raises `TensorError` for other types."""
    if array.dtype.kind in "OSU":
        parts = [one.encode() if isinstance(one, str) else bytes(one) for one in array.reshape(-1).tolist()]
        return Tensor(name, BYTES, array.shape, joined(parts))
    for datatype, dtype in _ARRAY_TYPES.items():
        if array.dtype.newbyteorder("<") == dtype:
            return Tensor(name, datatype, array.shape, array.astype(dtype, order="C", copy=False).tobytes())
    raise TensorError(f"tensor {name!r:.80}: the protocol has no datatype for {array.dtype}")


def _size(datatype: str) -> int:
    return _BF16_SIZE if datatype == BFLOAT16 else _ARRAY_TYPES[datatype].itemsize
