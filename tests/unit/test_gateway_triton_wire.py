"""Rows as Triton's messages, scores out of them, and what a failed call means: bytes in, bytes out."""

from math import inf

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types

from gateway.backends.backend import Away, BackendError, TooLate, Unfit
from gateway.triton.failures import Busy, Expired, translated
from gateway.triton.wire import Served, infer_request, limit, rows_of, scores

SERVED = Served("fraud-1-0123456789ab", "features", 3, "score")
ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)


def answer(raw: bytes, name: str = "score", datatype: str = "FP32") -> pb.ModelInferResponse:
    response = pb.ModelInferResponse()
    response.outputs.add(name="other", datatype="FP32", shape=[2, 1])
    response.outputs.add(name=name, datatype=datatype, shape=[2, 1])
    response.raw_output_contents.extend([b"\0" * 8, raw])
    return response


def test_rows_travel_as_one_batch() -> None:
    request = pb.ModelInferRequest.FromString(infer_request(SERVED, ROWS).SerializeToString())
    assert (request.model_name, request.model_version) == ("fraud-1-0123456789ab", "1")
    (tensor,) = request.inputs
    assert (tensor.name, tensor.datatype, list(tensor.shape)) == ("features", "FP32", [2, 3])
    assert [output.name for output in request.outputs] == ["score"]
    assert np.frombuffer(request.raw_input_contents[0], "<f4").tolist() == ROWS.reshape(-1).tolist()
    assert rows_of(request) == 2


def test_columns_that_lie_apart_travel_row_by_row() -> None:
    request = infer_request(SERVED, np.asfortranarray(ROWS))
    assert np.frombuffer(request.raw_input_contents[0], "<f4").tolist() == ROWS.reshape(-1).tolist()


@pytest.mark.parametrize(("seconds", "microseconds"), [(0.1, 100_000), (0.0000001, 1), (0.0, 1)])
def test_what_is_left_is_told_in_microseconds(seconds: float, microseconds: int) -> None:
    request = infer_request(SERVED, ROWS)
    limit(request, seconds)
    assert request.parameters["timeout"].int64_param == microseconds
    limit(request, inf)
    assert "timeout" not in request.parameters


def test_scores_are_those_of_the_output_that_was_asked_for() -> None:
    raw = np.array([0.25, 0.5], dtype="<f4").tobytes()
    found = scores(SERVED, answer(raw), 2)
    assert found.tolist() == [0.25, 0.5]
    assert found.dtype == np.float64


@pytest.mark.parametrize(
    "response",
    [answer(b"\0" * 4), answer(b"\0" * 8, name="price"), answer(b"\0" * 8, datatype="FP64"), pb.ModelInferResponse()],
)
def test_an_answer_that_does_not_fit_is_refused(response: pb.ModelInferResponse) -> None:
    with pytest.raises(BackendError, match="Triton answered"):
        scores(SERVED, response, 2)


CODES = grpc.StatusCode


@pytest.mark.parametrize(
    ("code", "said", "kind"),
    [
        (CODES.DEADLINE_EXCEEDED, "Deadline Exceeded", TooLate),
        (CODES.DEADLINE_EXCEEDED, "Stream removed (Deadline Exceeded)", TooLate),
        (CODES.CANCELLED, "", TooLate),
        (CODES.UNAVAILABLE, "[request id: <id_unknown>] Request timeout expired", Expired),
        (CODES.UNAVAILABLE, "Exceeds maximum queue size", Busy),
        (CODES.RESOURCE_EXHAUSTED, "too many", Busy),
        (CODES.UNAVAILABLE, "failed to connect to all addresses", Away),
        (CODES.UNAVAILABLE, "Socket closed", Away),
        (CODES.UNKNOWN, "Stream removed", Away),
        (CODES.INTERNAL, "Received RST_STREAM with error code 2", Away),
        (CODES.NOT_FOUND, "Request for unknown model: 'a' is not found", Away),
        (CODES.UNAVAILABLE, "Request for unknown model: 'a' has no available versions", Away),
        (CODES.INTERNAL, "Failed to process the request(s): onnxruntime failed", BackendError),
        (CODES.INVALID_ARGUMENT, "unexpected shape for input", Unfit),
    ],
)
def test_what_a_status_means(code: grpc.StatusCode, said: str, kind: type[BackendError]) -> None:
    metadata = grpc.aio.Metadata()
    error = translated(grpc.aio.AioRpcError(code, metadata, metadata, said), "a:8001")
    assert type(error) is kind
    assert "a:8001" in str(error)
