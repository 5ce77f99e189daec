"""Slots of bytes: requests and answers as they went, and nothing that a host cannot have written."""

import os
from collections.abc import Iterator
from struct import pack

import msgspec
import numpy as np
import pytest

from gateway.host.tensor_slots import Nonsense, NoRoom, TensorSlots, new_tensor_memory
from gateway.tensor import Tensor, from_array, joined
from gateway.tensor_request import RequestedOutput, TensorAnswer, TensorRequest, in_array

COUNT, MEGABYTE = 2, 1 << 20


@pytest.fixture
def memory() -> Iterator[int]:
    fd = new_tensor_memory(COUNT, 1)
    yield fd
    os.close(fd)


@pytest.fixture
def sides(memory: int) -> tuple[TensorSlots, TensorSlots]:
    return TensorSlots(memory, COUNT, 1), TensorSlots(memory, COUNT, 1)


def tensors(first: int) -> list[Tensor]:
    return [
        from_array("NUMBERS", np.arange(first, first + 6, dtype=np.int64).reshape(2, 3)),
        Tensor("TEXT", "BYTES", (2,), joined([b"", b"\xff"])),
        from_array("EMPTY", np.empty((0, 4), dtype=np.float32)),
        Tensor("BRAIN", "BF16", (1,), b"\x01\x02"),
    ]


def read_request(slots: TensorSlots, slot: int) -> TensorRequest:
    (found,) = slots.rows(slot, 1, 0).tolist()
    assert isinstance(found, TensorRequest)
    return found


def test_requests_and_answers_arrive_as_they_were(sides: tuple[TensorSlots, TensorSlots]) -> None:
    ours, theirs = sides
    for slot in range(COUNT):
        ours.put_rows(slot, in_array([TensorRequest(tensors(slot), [RequestedOutput("A"), RequestedOutput("B")])]))
    for slot in range(COUNT):
        request = read_request(theirs, slot)
        assert request.inputs == tensors(slot)
        assert [one.name for one in request.outputs] == ["A", "B"]
    theirs.put_scores(1, in_array([TensorAnswer(tensors(7))]))
    (answer,) = ours.scores(1, 1).tolist()
    assert answer.outputs == tensors(7)
    assert read_request(theirs, 0).inputs == tensors(0), "its neighbour is as it was"


def test_an_answer_that_was_read_changes_no_more(sides: tuple[TensorSlots, TensorSlots]) -> None:
    ours, theirs = sides
    theirs.put_scores(0, in_array([TensorAnswer(tensors(1))]))
    (answer,) = ours.scores(0, 1).tolist()
    theirs.put_scores(0, in_array([TensorAnswer(tensors(2))]))
    assert answer.outputs == tensors(1)


def test_what_does_not_fit_leaves_the_slot_as_it_was(sides: tuple[TensorSlots, TensorSlots]) -> None:
    ours, theirs = sides
    large = from_array("LARGE", np.zeros(MEGABYTE, dtype=np.uint8))
    ours.put_rows(0, in_array([TensorRequest(tensors(3))]))
    with pytest.raises(NoRoom, match=r"the request is 1,048,\d+ bytes, .* is 1 MB \(--host-tensor-mb\)"):
        ours.put_rows(0, in_array([TensorRequest([large])]))
    with pytest.raises(NoRoom, match="the answer is"):
        theirs.put_scores(0, in_array([TensorAnswer([large])]))
    assert read_request(theirs, 0).inputs == tensors(3)
    fits = from_array("FITS", np.ones(MEGABYTE - 64, dtype=np.uint8))
    ours.put_rows(0, in_array([TensorRequest([fits])]))
    assert read_request(theirs, 0).inputs == [fits]


def head(*tensors: object) -> bytes:
    packed = msgspec.msgpack.encode([list(tensors), []])
    return pack("<I", len(packed)) + packed


@pytest.mark.parametrize(
    ("lie", "complaint"),
    [
        (b"\xff" * 64, "4,294,967,295 bytes"),
        (pack("<I", 8) + b"\xc1" * 8, "cannot be read"),
        (pack("<I", 3) + b"\x01\x02\x03", "cannot be read"),
        (head(["A", "INT32", [1], "4"]), "cannot be read"),
        (head(["A", "INT32", [1 << 18], MEGABYTE]), "does not end in its slot"),
        (head(["A", "INT32", [1], 1 << 62]), "does not end in its slot"),
        (head(["A", "INT32", [1], -4]), "does not end in its slot"),
        (head(["A", "INT32", [2], 4]), "is 8 bytes, got 4"),
        (head(["A", "INT32", [-1], 4]), "below zero"),
        (head(["A", "COMPLEX", [1], 4]), "does not exist"),
        (head(["A", "BOOL", [4], 4]) + b"\x02" * 4, "no BOOL"),
        (head(["A", "BYTES", [1], 8]) + b"\xff" * 8, "wants 1 elements"),
        (head(["A", "UINT8", [1] * 40, 1]), "40 dimensions"),
    ],
)
def test_no_lie_of_a_host_is_believed(memory: int, lie: bytes, complaint: str) -> None:
    os.pwrite(memory, lie, MEGABYTE)
    with pytest.raises(Nonsense, match=complaint):
        TensorSlots(memory, COUNT, 1).scores(1, 1)
