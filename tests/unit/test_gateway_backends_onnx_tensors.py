"""ONNX models of any tensors: what goes in, what comes out, and whose fault it is when nothing does."""

from pathlib import Path

import numpy as np
import pytest

from gateway.backends.backend import BackendError, Unfit
from gateway.backends.onnx_tensors import OnnxTensors
from gateway.tensor import Tensor, from_array, joined, split, to_array
from gateway.tensor_request import RequestedOutput, TensorAnswer, TensorRequest, in_array
from gateway.testing.tensor_bundles import ADD_SUB, TEXTS, add_sub_model, text_model


def answer(backend: OnnxTensors, *inputs: Tensor, outputs: tuple[str, ...] = ()) -> TensorAnswer:
    request = TensorRequest(inputs, [RequestedOutput(name) for name in outputs])
    (found,) = backend.score(in_array([request])).tolist()
    assert isinstance(found, TensorAnswer)
    return found


def numbers(first: int = 0, rows: int = 1) -> list[Tensor]:
    left = np.arange(first, first + 16 * rows, dtype=np.int32).reshape(rows, 16)
    return [from_array("INPUT0", left), from_array("INPUT1", np.ones_like(left))]


@pytest.fixture
def add_sub(tmp_path: Path) -> OnnxTensors:
    add_sub_model(tmp_path / "model.onnx")
    return OnnxTensors(tmp_path / "model.onnx")


def test_sums_and_differences(add_sub: OnnxTensors) -> None:
    assert (add_sub.inputs, add_sub.outputs) == ADD_SUB
    total, difference = answer(add_sub, *numbers(rows=2)).outputs
    assert (total.name, total.datatype, total.shape) == ("OUTPUT0", "INT32", (2, 16))
    assert to_array(total).reshape(-1).tolist() == list(range(1, 33))
    assert to_array(difference).reshape(-1).tolist() == list(range(-1, 31))


def test_only_what_is_wanted_comes_back(add_sub: OnnxTensors) -> None:
    assert [one.name for one in answer(add_sub, *numbers(), outputs=("OUTPUT1",)).outputs] == ["OUTPUT1"]


async def test_requests_of_one_run_share_nothing(add_sub: OnnxTensors) -> None:
    requests = [TensorRequest(numbers(first)) for first in (0, 100)]
    first, second = (await add_sub.run(in_array(requests))).tolist()
    assert to_array(first.outputs[0])[0, 0] == 1
    assert to_array(second.outputs[0])[0, 0] == 101
    assert (await add_sub.timed(in_array(requests))).seconds > 0


def test_texts_are_utf8(tmp_path: Path) -> None:
    text_model(tmp_path / "model.onnx")
    backend = OnnxTensors(tmp_path / "model.onnx")
    assert (backend.inputs, backend.outputs) == TEXTS
    texts = ["grün".encode(), b"", b"a b"]
    (back,) = answer(backend, Tensor("TEXT", "BYTES", (3,), joined(texts))).outputs
    assert split(back) == texts
    with pytest.raises(Unfit, match="does not take it"):
        answer(backend, Tensor("TEXT", "BYTES", (1,), joined([b"\xff"])))


def test_what_the_model_does_not_take_is_told_from_what_it_fails_at(add_sub: OnnxTensors, tmp_path: Path) -> None:
    wide = from_array("INPUT0", np.zeros((1, 17), dtype=np.int32))
    with pytest.raises(Unfit):
        answer(add_sub, wide, numbers()[1])
    add_sub_model(tmp_path / "picky.onnx", picky=True)
    picky = OnnxTensors(tmp_path / "picky.onnx")
    assert to_array(answer(picky, *numbers()).outputs[0])[0, 0] == 1
    with pytest.raises(BackendError) as failed:
        answer(picky, *numbers(13))
    assert not isinstance(failed.value, Unfit)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(BackendError, match="cannot be loaded"):
        OnnxTensors(tmp_path / "model.onnx")
