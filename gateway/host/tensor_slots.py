"""The memory that a worker and the lane host of a model of tensors share: slots of bytes, for one request each.

A slot holds the length of a head, the head (MessagePack: what the tensors are, in order), and then their raw bytes.
The host's side is not believed: what is read is copied first, so that nobody can change it any more, and then checked.
"""

import mmap
from collections.abc import Sequence
from struct import Struct
from typing import Any

import msgspec
from numpy.typing import NDArray

from gateway.host.slots import sealed_memory
from gateway.tensor import Tensor, TensorError
from gateway.tensor_request import RequestedOutput, TensorAnswer, TensorRequest, in_array

_LENGTH = Struct("<I")
_MEGABYTE = 1 << 20
_LONGEST_HEAD = 1 << 18
"""Bytes: what an order's one word cannot name no model has, and to read more would hold up the worker."""


class NoRoom(ValueError):
    """What does not fit into a slot; the message says what to set."""


class Nonsense(ValueError):
    """A slot that holds what no host of ours writes."""


class _Laid(msgspec.Struct, array_like=True, frozen=True):
    """A tensor whose raw bytes, so many of them, follow the head, each after the one before it."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    size: int


class _Head(msgspec.Struct, array_like=True, frozen=True):
    """Of a request, or of an answer. `wanted` names the outputs that a request asks for; none: all of them."""

    tensors: tuple[_Laid, ...]
    wanted: tuple[str, ...] = ()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Head).decode


class TensorSlots:
    """Both sides' view of the same memory, as `Slots` is for scores: rows are `TensorRequest`s, scores `TensorAnswer`s.

    Parameters stay behind: what runs in a host knows none.
    """

    def __init__(self, fd: int, count: int, megabytes: int) -> None:
        self._size = megabytes * _MEGABYTE
        whole = memoryview(mmap.mmap(fd, count * self._size))
        self._slots = [whole[at : at + self._size] for at in range(0, len(whole), self._size)]

    def put_rows(self, slot: int, rows: NDArray[Any]) -> None:
        """Copy the one request of `rows` into a slot. Raises `NoRoom`."""
        (request,) = rows.tolist()
        self._put(slot, request.inputs, tuple(one.name for one in request.outputs), "the request")

    def rows(self, slot: int, count: int, width: int) -> NDArray[Any]:
        """Return a copy of the request in a slot; `count` is 1, and what its `width` is its tensors say."""
        inputs, wanted = self._read(slot)
        return in_array([TensorRequest(inputs, [RequestedOutput(name) for name in wanted])])

    def put_scores(self, slot: int, scores: NDArray[Any]) -> None:
        """Copy the one answer of `scores` into a slot. Raises `NoRoom`."""
        (answer,) = scores.tolist()
        self._put(slot, answer.outputs, (), "the answer")

    def scores(self, slot: int, count: int) -> NDArray[Any]:
        """Return a copy of the answer in a slot, whose every tensor is one. Raises `Nonsense`."""
        outputs, _ = self._read(slot)
        try:
            for one in outputs:
                one.check()
        except TensorError as exc:
            raise Nonsense(str(exc)) from exc
        return in_array([TensorAnswer(outputs)])

    def _put(self, slot: int, tensors: Sequence[Tensor], wanted: tuple[str, ...], what: str) -> None:
        laid = tuple(_Laid(one.name, one.datatype, one.shape, len(one.raw)) for one in tensors)
        head = _encode(_Head(laid, wanted))
        size = _LENGTH.size + len(head) + sum(one.size for one in laid)
        if size > self._size:
            most = self._size // _MEGABYTE
            raise NoRoom(f"{what} is {size:,} bytes, and a slot of a lane host is {most} MB (--host-tensor-mb)")
        at = 0
        for part in (_LENGTH.pack(len(head)), head, *(one.raw for one in tensors)):
            self._slots[slot][at : at + len(part)] = part
            at += len(part)

    def _read(self, slot: int) -> tuple[list[Tensor], tuple[str, ...]]:
        memory = self._slots[slot]
        (length,) = _LENGTH.unpack_from(memory)
        if length > _LONGEST_HEAD:
            raise Nonsense(f"its head would be {length:,} bytes")
        at = _LENGTH.size + length
        try:
            head = _decode(bytes(memory[_LENGTH.size : at]))
        except msgspec.DecodeError as exc:
            raise Nonsense(f"its head cannot be read: {exc}") from exc
        tensors = list[Tensor]()
        for one in head.tensors:
            if not 0 <= one.size <= self._size - at:
                raise Nonsense(f"tensor {one.name!r:.80} does not end in its slot")
            tensors.append(Tensor(one.name, one.datatype, one.shape, bytes(memory[at : at + one.size])))
            at += one.size
        return tensors, head.wanted


def new_tensor_memory(count: int, megabytes: int) -> int:
    """Return a descriptor of fresh memory for `TensorSlots`; the machine gives only the pages that are touched."""
    return sealed_memory(count * megabytes * _MEGABYTE)
