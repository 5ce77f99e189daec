"""Single values of tensors: the same as arrays hold, and refused where they do not fit."""

import pytest

from gateway.tensor import Tensor, TensorError, to_array
from gateway.tensor_values import from_values, values_of


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("BOOL", [True, False]),
        ("INT8", [-128, 127]),
        ("UINT64", [0, 2**64 - 1]),
        ("FP16", [0.5, 2]),
        ("FP64", [1.0, 1e30]),
        ("BYTES", ["é", b"\xff"]),
    ],
)
def test_single_values_make_a_tensor(datatype: str, values: list[object]) -> None:
    tensor = from_values("x", datatype, (2,), values)
    told = [one.encode() if isinstance(one, str) else one for one in values]
    assert list(values_of(tensor)) == told
    assert to_array(tensor).tolist() == told


@pytest.mark.parametrize(
    ("datatype", "values", "said"),
    [
        ("BOOL", [1, 0], "type int"),
        ("INT8", [1.0, 2], "type float"),
        ("INT8", [128, 0], "INT8 cannot"),
        ("UINT8", [-1, 0], "UINT8 cannot"),
        ("FP64", [10**400, 0], "FP64 cannot"),
        ("FP32", [1e300, 0], "FP32 cannot"),
        ("FP16", [1e6, 0], "FP16 cannot"),
        ("FP32", ["1", 2], "type str"),
        ("FP32", [None, 2], "type NoneType"),
        ("BYTES", [1, "a"], "a text, not int"),
        ("BF16", [1.0, 2.0], "cannot be written"),
        ("FP32", [1.0], "is 8 bytes, got 4"),
    ],
)
def test_single_values_that_do_not_fit_are_refused(datatype: str, values: list[object], said: str) -> None:
    with pytest.raises(TensorError, match=said):
        from_values("x", datatype, (2,), values)


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (Tensor("x", "BF16", (1,), b"12"), "can only be passed on"),
        (Tensor("x", "FP32", (2,), b"1234"), "is 8 bytes, got 4"),
        (Tensor("x", "BOOL", (1,), b"\2"), "no BOOL"),
        (Tensor("x", "FP128", (1,), bytes(16)), "does not exist"),
        (Tensor("x", "BYTES", (2,), b"\1\0\0\0a"), "wants 2 elements"),
    ],
)
def test_values_of_what_is_no_tensor_cannot_be_had(tensor: Tensor, said: str) -> None:
    with pytest.raises(TensorError, match=said):
        values_of(tensor)
