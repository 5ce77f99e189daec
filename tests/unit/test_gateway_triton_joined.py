"""Requests that go to Triton together: which may, as what, and whose answer is whose."""

import asyncio

import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types

from gateway.backends.backend import BackendError
from gateway.backends.triton_tensors import TritonTensors
from gateway.tensor import Tensor, from_array, joined, split, to_array
from gateway.tensor_request import Parameter, RequestedOutput, TensorAnswer, TensorRequest, in_array
from gateway.triton import joined as module
from gateway.triton.batching import APART, Known, rows_joined
from gateway.triton.joined import cut, grouped
from gateway.triton.wire import Named


def request(*rows: int, name: str = "x", wanted: str = "", **parameters: Parameter) -> TensorRequest:
    """Ask about rows of two numbers."""
    array = np.array([[row, -row] for row in rows], dtype=np.int32)
    outputs = [RequestedOutput(wanted)] if wanted else []
    return TensorRequest([from_array(name, array)], outputs, parameters)


class Doubling:
    """Answers with twice the numbers, and notes how many rows it was asked for at once; 13 it cannot take."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def infer(self, asked: pb.ModelInferRequest, seconds: float) -> pb.ModelInferResponse:
        (tensor,), (raw,) = asked.inputs, asked.raw_input_contents
        values = to_array(Tensor(tensor.name, tensor.datatype, tuple(tensor.shape), raw))
        self.asked.append(len(values))
        await asyncio.sleep(0)
        if 13 in values:
            raise BackendError("not 13")
        response = pb.ModelInferResponse()
        response.outputs.add(name="y", datatype="INT32", shape=values.shape)
        response.raw_output_contents.append((2 * values).astype("<i4").tobytes())
        return response


async def closed() -> None:
    pass


def backend(asked: Doubling, most_rows: int) -> TritonTensors:
    known = Known()
    known.learn("here", most_rows)
    return TritonTensors(Named("m"), asked, closed, known)


def firsts(answers: "np.typing.NDArray[np.object_]") -> list[list[int]]:
    return [to_array(one.outputs[0])[:, 0].tolist() for one in answers.tolist()]


@pytest.mark.parametrize(("most_rows", "asked"), [(64, [6]), (4, [3, 3]), (2, [1, 2, 3]), (APART, [1, 2, 3])])
async def test_alike_requests_are_one_there_up_to_the_rows_that_it_takes(most_rows: int, asked: list[int]) -> None:
    triton = Doubling()
    found = await backend(triton, most_rows).run(in_array([request(1), request(2, 3), request(4, 5, 6)]))
    assert firsts(found) == [[2], [4, 6], [8, 10, 12]]
    assert triton.asked == asked


async def test_one_by_itself_goes_as_it_is() -> None:
    triton = Doubling()
    assert firsts(await backend(triton, 64).run(in_array([request(7)]))) == [[14]]
    assert triton.asked == [1]


async def test_one_that_fails_fails_the_run() -> None:
    with pytest.raises(BackendError, match="not 13"):
        await backend(Doubling(), 64).run(in_array([request(1), request(13)]))


@pytest.mark.parametrize(
    "other",
    [
        request(2, name="z"),
        request(2, wanted="y"),
        request(2, sequence_id=7),
        TensorRequest([from_array("x", np.zeros((1, 3), dtype=np.int32))]),
        TensorRequest([from_array("x", np.zeros((1, 2), dtype=np.int64))]),
        TensorRequest([from_array("x", np.zeros((), dtype=np.int32))]),
        TensorRequest([from_array("x", np.zeros((0, 2), dtype=np.int32))]),
        TensorRequest([from_array("x", np.zeros((1, 2), dtype=np.int32)), from_array("w", np.zeros((2, 2)))]),
        TensorRequest(
            [from_array("x", np.zeros((1, 2), dtype=np.int32))], [RequestedOutput("y", {"classification": 1})]
        ),
    ],
    ids=["input", "output", "parameter", "extent", "type", "no rows", "none", "unequal", "output's parameter"],
)
def test_what_is_not_alike_goes_by_itself(other: TensorRequest) -> None:
    assert grouped([request(1), other, request(3)], 64) == [[0, 2], [1]]
    assert grouped([other, other], 64) in ([[0], [1]], [[0, 1]])


def test_parameters_that_are_the_gateways_own_keep_nobody_apart() -> None:
    assert grouped([request(1, unit="a", priority="critical"), request(2, unit="b", timeout=5)], 64) == [[0, 1]]


def test_no_more_bytes_go_together_than_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 16)
    assert grouped([request(1), request(2), request(3)], 64) == [[0, 1], [2]]


def test_texts_are_cut_by_elements() -> None:
    answer = TensorAnswer([Tensor("y", "BYTES", (3, 2), joined([b"a", b"bb", b"", b"d", b"e", b"f"]))])
    first, second = cut(answer, [1, 2])
    assert (first.outputs[0].shape, split(first.outputs[0])) == ((1, 2), [b"a", b"bb"])
    assert (second.outputs[0].shape, split(second.outputs[0])) == ((2, 2), [b"", b"d", b"e", b"f"])


def test_an_answer_with_parameters_is_nobodys_alone() -> None:
    answer = TensorAnswer([Tensor("y", "UINT8", (3,), b"abc")], {"who": "first"})
    with pytest.raises(BackendError, match="the answer to 2 requests has parameters: who"):
        cut(answer, [1, 2])


@pytest.mark.parametrize(
    "output",
    [
        from_array("y", np.zeros((4, 1), dtype=np.int32)),
        from_array("y", np.zeros((), dtype=np.int32)),
        Tensor("y", "INT32", (3,), b"1234567"),
        Tensor("y", "BYTES", (3,), b"1234567"),
    ],
    ids=["other rows", "no rows", "odd bytes", "no texts"],
)
def test_an_answer_that_is_not_by_rows_is_not_cut(output: Tensor) -> None:
    with pytest.raises(BackendError):
        cut(TensorAnswer([output]), [1, 2])


def config(rows: int = 8, dynamic: bool = True) -> pb.ModelConfigResponse:
    made = pb.ModelConfigResponse()
    made.config.max_batch_size = rows
    if dynamic:
        made.config.dynamic_batching.max_queue_delay_microseconds = 0
    made.config.input.add(name="x")
    return made


def test_what_triton_joins_may_be_joined() -> None:
    assert rows_joined(config()) == 8
    ragged, decoupled, batch, batch_out = config(), config(), config(), config()
    ragged.config.input[0].allow_ragged_batch = True
    decoupled.config.model_transaction_policy.decoupled = True
    batch.config.batch_input.add()
    batch_out.config.batch_output.add()
    for one in (config(rows=0), config(dynamic=False), ragged, decoupled, batch, batch_out):
        assert rows_joined(one) == APART


def test_of_several_servers_the_least_counts() -> None:
    known = Known()
    known.learn("a", 8)
    known.learn("b", APART)
    assert known.most_rows == APART
    known.learn("b", 16)
    assert known.most_rows == 8


class FailingBesideSlow:
    """Fails for requests of one row, and never answers others."""

    def __init__(self) -> None:
        self.given_up = 0
        self._asked_slowly = asyncio.Event()

    async def infer(self, asked: pb.ModelInferRequest, seconds: float) -> pb.ModelInferResponse:
        if asked.inputs[0].shape[0] == 1:
            await self._asked_slowly.wait()
            raise BackendError("not one")
        self._asked_slowly.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up += 1
        raise AssertionError("nobody ever set it")


async def test_who_is_asked_beside_one_that_failed_is_asked_no_longer() -> None:
    asked = FailingBesideSlow()
    with pytest.raises(BackendError, match="not one"):
        await TritonTensors(Named("m"), asked, closed, Known()).run(in_array([request(1), request(2, 3)]))
    await asyncio.sleep(0)
    assert asked.given_up == 1
