"""Type, shape and bytes of a tensor agree, or there is one clear line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from gateway.tensor import DATATYPES, Tensor, TensorError, from_array, joined, split, to_array

TYPES = ["?", "<u1", "<u2", "<u4", "<u8", "<i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8"]


@given(st.sampled_from(TYPES).flatmap(lambda one: arrays(one, array_shapes(min_dims=0, max_dims=3, min_side=0))))
def test_numbers_come_back_as_they_were(array: NDArray[np.generic]) -> None:
    tensor = from_array("x", array)
    tensor.check()
    assert tensor.shape == array.shape
    assert to_array(tensor).dtype == array.dtype
    assert to_array(tensor).tobytes() == array.tobytes()


@given(st.lists(st.binary(max_size=20), max_size=6))
def test_elements_of_bytes_come_back_as_they_were(parts: list[bytes]) -> None:
    tensor = Tensor("x", "BYTES", (len(parts), 1), joined(parts))
    assert split(tensor) == parts
    assert to_array(tensor).reshape(-1).tolist() == parts


def test_texts_are_utf8() -> None:
    assert split(from_array("x", np.array(["ä", "b"]))) == ["ä".encode(), b"b"]


def test_arrays_that_lie_otherwise_in_memory_are_put_in_order() -> None:
    array = np.arange(6, dtype=">i4").reshape(2, 3).T
    tensor = from_array("x", array)
    assert (tensor.datatype, tensor.shape) == ("INT32", (3, 2))
    assert to_array(tensor).tolist() == array.tolist()


@given(st.sampled_from(sorted(DATATYPES)), st.lists(st.integers(0, 4), max_size=3), st.binary(max_size=40))
def test_what_is_taken_has_as_many_values_as_its_shape(datatype: str, shape: list[int], raw: bytes) -> None:
    tensor = Tensor("x", datatype, tuple(shape), raw)
    try:
        values = to_array(tensor)
    except TensorError:
        return
    assert values.size == tensor.elements


@pytest.mark.parametrize(
    ("tensor", "complaint"),
    [
        (Tensor("x", "FP8", (1,), b"a"), "datatype 'FP8', which does not exist"),
        (Tensor("x", "INT32", (2,), b"abc"), r"of INT32 \[2\] is 8 bytes, got 3"),
        (Tensor("x", "INT8", (-1,), b""), "no extent is below zero"),
        (Tensor("x", "BOOL", (2,), b"\x00\x02"), "no BOOL"),
        (Tensor("x", "BYTES", (1,), b"\xff\xff\xff\xffa"), "wants 1 elements"),
        (Tensor("x", "BYTES", (1,), b"\x01"), "wants 1 elements"),
        (Tensor("x", "BYTES", (1 << 40,), joined([b"a"])), "wants 1099511627776 elements"),
        (Tensor("x", "BYTES", (1,), joined([b"a", b"b"])), "wants 1 elements"),
    ],
)
def test_what_does_not_agree_is_refused(tensor: Tensor, complaint: str) -> None:
    with pytest.raises(TensorError, match=complaint):
        tensor.check()


def test_what_the_protocol_does_not_know_is_refused() -> None:
    with pytest.raises(TensorError, match="no datatype for complex128"):
        from_array("x", np.zeros(1, dtype=complex))
    with pytest.raises(TensorError, match="only be passed on"):
        to_array(Tensor("x", "BF16", (1,), b"ab"))


def test_dimensions_without_end_are_refused_before_they_are_multiplied() -> None:
    with pytest.raises(TensorError, match="100000 dimensions"):
        Tensor("x", "FP32", (2**62,) * 100_000, b"").check()
