"""The forms that requests and answers may take on the wire: typed or raw, JSON or binary, compressed or not."""

import queue
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import tritonclient.grpc as grpc_client  # type: ignore[import-untyped] # shipped without types
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc
from tritonclient.utils import InferenceServerException  # type: ignore[import-untyped] # as above

from tests.conformance.open_inference.clients import Client, connected
from tests.conformance.open_inference.targets import Target
from tests.conformance.open_inference.test_open_inference_infer import parameters, row_inputs, vectors


@pytest.fixture
def over_http(target: Target) -> Iterator[Client]:
    with connected("http", target.grpc, target.http) as found:
        yield found


@pytest.fixture
def over_grpc(target: Target) -> Iterator[Client]:
    with connected("grpc", target.grpc, target.http) as found:
        yield found


@pytest.fixture
def stub(target: Target) -> Iterator[Any]:
    with grpc.insecure_channel(target.grpc) as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)


def typed(name: str, datatype: str, shape: list[int], field: str, values: list[Any]) -> Any:
    tensor = pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape)
    getattr(tensor.contents, field).extend(values)
    return tensor


def test_typed_contents_are_answered_raw(stub: Any, target: Target) -> None:
    """As NVIDIA's own example of explicit contents sends and reads them."""
    request = pb.ModelInferRequest(model_name=target.model)
    request.inputs.append(typed(target.input, "FP32", [1, 4], "fp32_contents", [0.5, 0.0, 0.0, 0.0]))
    request.outputs.add(name=target.output)
    if target.is_sluice:
        request.parameters["unit"].string_param = "7"
    answer = stub.ModelInfer(request)
    datatype = {"FP32": np.float32, "FP64": np.float64}[answer.outputs[0].datatype]
    assert np.frombuffer(answer.raw_output_contents[0], datatype).tolist() == [0.5]


def test_rows_come_as_typed_contents(stub: Any, sluice: Target) -> None:
    request = pb.ModelInferRequest(model_name=sluice.model)
    request.inputs.extend(
        [
            typed("card_id", "BYTES", [2], "bytes_contents", [b"1", b"2"]),
            typed("store_id", "UINT32", [2], "uint_contents", [1, 2]),
            typed("amount", "INT8", [2], "int_contents", [-0, 3]),
            typed("customer_present", "BOOL", [2], "bool_contents", [True, False]),
            typed("card_limit", "INT64", [2], "int64_contents", [1, 1]),
        ]
    )
    answer = stub.ModelInfer(request)
    assert np.frombuffer(answer.raw_output_contents[0], np.float64).tolist() == [0.0, 3.0]
    assert [output.name for output in answer.outputs] == ["score", "decision", "arm", "status"]


WRONG_CONTENTS = {
    "a number too large for its type": ([("amount", "INT8", [1], "int_contents", [300])], "INT8 cannot"),
    "a list of another type": ([("amount", "INT8", [1], "fp32_contents", [1.0])], "it wants int_contents"),
    "fewer than the shape says": ([("amount", "FP64", [2], "fp64_contents", [1.0])], "is 16 bytes, got 8"),
    "half precision that is not raw": ([("amount", "FP16", [1], "fp32_contents", [1.0])], "raw_input_contents"),
    "a type that does not exist": ([("amount", "FP128", [1], "fp64_contents", [1.0])], "does not exist"),
    "less than nothing": ([("amount", "FP64", [-1], "fp64_contents", [1.0])], "below zero"),
}


@pytest.mark.parametrize("what", WRONG_CONTENTS)
def test_contents_that_do_not_fit_are_refused(stub: Any, sluice: Target, what: str) -> None:
    tensors, said = WRONG_CONTENTS[what]
    request = pb.ModelInferRequest(model_name=sluice.model, inputs=[typed(*one) for one in tensors])
    with pytest.raises(grpc.RpcError) as caught:
        stub.ModelInfer(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert said in caught.value.details()


def test_raw_contents_are_all_or_none(stub: Any, sluice: Target) -> None:
    request = pb.ModelInferRequest(model_name=sluice.model, raw_input_contents=[b"\0" * 8])
    for name in ("amount", "card_limit"):
        request.inputs.add(name=name, datatype="FP64", shape=[1])
    with pytest.raises(grpc.RpcError, match="1 tensors for 2 inputs"):
        stub.ModelInfer(request)


def test_answers_in_a_stream_are_not_to_be_had(stub: Any, sluice: Target) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.ModelStreamInfer(iter([pb.ModelInferRequest(model_name=sluice.model)])))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "ModelInfer" in caught.value.details()


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("taken", [True, False])
def test_tensors_travel_as_json_or_behind_it(over_http: Client, target: Target, sent: bool, taken: bool) -> None:
    tensor = over_http.input(target.input, "FP32", vectors(0.5, 2.0), binary_data=sent)
    outputs = [over_http.output(target.output, binary_data=taken)]
    found = over_http.call("infer", target.model, [tensor], outputs=outputs, **parameters(target))
    assert over_http.result(found).outputs[target.output].reshape(-1).tolist() == [0.5, 2.0]
    assert ("data" in found.get_response()["outputs"][0]) is not taken


def test_texts_and_truths_travel_as_json(over_http: Client, sluice: Target) -> None:
    inputs = [over_http.input(*one, binary_data=False) for one in row_inputs(0.25, 1.0)]
    outputs = [over_http.output(name, binary_data=False) for name in ("score", "decision", "status")]
    result = over_http.result(over_http.call("infer", sluice.model, inputs, outputs=outputs))
    assert result.outputs["decision"].tolist() == ["approve", "decline"]


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_http_requests_may_be_compressed(over_http: Client, target: Target, algorithm: str) -> None:
    result = over_http.infer(
        target.model,
        [(target.input, "FP32", vectors(*np.arange(64.0)))],
        [target.output],
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
        **parameters(target),
    )
    assert result.outputs[target.output].reshape(-1).tolist() == list(range(64))


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_grpc_requests_may_be_compressed(over_grpc: Client, target: Target, algorithm: str) -> None:
    result = over_grpc.infer(
        target.model,
        [(target.input, "FP32", vectors(*np.arange(64.0)))],
        [target.output],
        compression_algorithm=algorithm,
        **parameters(target),
    )
    assert result.outputs[target.output].reshape(-1).tolist() == list(range(64))


def test_answers_may_be_called_back(over_grpc: Client, target: Target) -> None:
    answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
    tensor = over_grpc.input(target.input, "FP32", vectors(0.5))
    for number in range(8):
        over_grpc.call(
            "async_infer",
            target.model,
            [tensor],
            lambda result, error: answers.put((result, error)),
            request_id=f"r-{number}",
            client_timeout=5.0,
            **parameters(target),
        )
    found = [answers.get(timeout=5) for _ in range(8)]
    assert [error for _, error in found] == [None] * 8
    assert {result.get_response().id for result, _ in found} == {f"r-{number}" for number in range(8)}


def test_http_calls_may_be_waited_for_later(target: Target) -> None:
    with connected("http", target.grpc, target.http, concurrency=4) as client:
        tensor = client.input(target.input, "FP32", vectors(0.5))
        asked = [client.call("async_infer", target.model, [tensor], **parameters(target)) for _ in range(8)]
        scores = [one.get_result().as_numpy(target.output).reshape(-1).tolist() for one in asked]
    assert scores == [[0.5]] * 8


def test_a_client_that_keeps_its_connection_alive(target: Target) -> None:
    options = grpc_client.KeepAliveOptions(
        keepalive_time_ms=2**31 - 1,
        keepalive_timeout_ms=20_000,
        keepalive_permit_without_calls=False,
        http2_max_pings_without_data=2,
    )
    with connected("grpc", target.grpc, target.http, keepalive_options=options) as client:
        assert client.call("is_server_live") is True


def test_a_client_s_own_deadline_is_kept(over_grpc: Client, target: Target) -> None:
    inputs = [(target.input, "FP32", vectors(1.0))]
    # Who is quick may answer within a millisecond, which is the least that a timer measures.
    with pytest.raises(InferenceServerException, match=r"Deadline Exceeded|deadline|sufficed"):  # noqa: PT012
        for _ in range(1_000):
            over_grpc.infer(target.model, inputs, client_timeout=1e-6, **parameters(target))
    assert over_grpc.infer(target.model, inputs, client_timeout=5.0, **parameters(target)).outputs


def test_classification_and_shared_memory_are_refused(over_http: Client, over_grpc: Client, sluice: Target) -> None:
    for client in (over_http, over_grpc):
        inputs = [client.input(*one) for one in row_inputs(1.0)]
        with pytest.raises(InferenceServerException, match="classification, which is not supported"):
            client.call("infer", sluice.model, inputs, outputs=[client.output("score", class_count=1)])
        inputs[0].set_shared_memory("region", 8)
        with pytest.raises(InferenceServerException, match="shared_memory_region, which is not supported"):
            client.call("infer", sluice.model, inputs)


RAW_HTTP: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "no JSON": (b"{", {}, 400, "not JSON"),
    "no inputs": (b"{}", {}, 400, "`inputs`"),
    "a length beyond the body": (b"{}", {"inference-header-content-length": "3"}, 400, "the length of the JSON"),
    "a length that is none": (b"{}", {"inference-header-content-length": "-1"}, 400, "the length of the JSON"),
    "bytes that belong to nobody": (
        b'{"inputs": []}1234',
        {"inference-header-content-length": "14"},
        400,
        "4 bytes follow",
    ),
    "more bytes than follow": (
        b'{"inputs": [{"name": "a", "shape": [1], "datatype": "INT8", "parameters": {"binary_data_size": 9}}]}',
        {},
        400,
        "than bytes follow",
    ),
    "an encoding that nobody knows": (b"{}", {"content-encoding": "br"}, 415, "gzip, deflate or identity"),
    "what is not compressed": (b"{}", {"content-encoding": "gzip"}, 400, "cannot be decompressed"),
    "a shape that is none": (b'{"inputs": [{"name": "a", "shape": [-1], "datatype": "INT8"}]}', {}, 400, "shape"),
    "a shape that lies": (
        b'{"inputs": [{"name": "amount", "shape": [2], "datatype": "FP64", "data": [1, 2, 3]}]}',
        {},
        400,
        "is 16 bytes, got 24",
    ),
}


@pytest.mark.parametrize("what", RAW_HTTP)
def test_bodies_that_do_not_fit_are_refused(sluice: Target, what: str) -> None:
    body, headers, status, said = RAW_HTTP[what]
    answer = httpx.post(f"http://{sluice.http}/v2/models/fraud/infer", content=body, headers=headers)
    assert (answer.status_code, said in answer.json()["error"]) == (status, True), answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_nested_data_and_a_priority_by_name(sluice: Target) -> None:
    body = {
        "inputs": [
            {"name": "features", "shape": [2, 4], "datatype": "FP32", "data": [[0.5, 0, 0, 0], [2, 0, 0, 0]]},
            {"name": "unit", "shape": [2], "datatype": "INT64", "data": [1, 2]},
        ],
        "parameters": {"priority": "critical"},
        "outputs": [{"name": "score"}],
        "a field of others": None,
    }
    answer = httpx.post(f"http://{sluice.http}/v2/models/fraud/infer", json=body)
    assert answer.json()["outputs"] == [{"name": "score", "datatype": "FP64", "shape": [2], "data": [0.5, 2.0]}]


def test_paths_that_nobody_serves(sluice: Target) -> None:
    with httpx.Client(base_url=f"http://{sluice.http}") as client:
        assert client.get("/v2/nothing").status_code == 404
        assert client.get("/v2/models/fraud/infer").status_code == 405
        assert client.get("/v2/").json() == client.get("/v2").json()
        assert client.get("/v2/models").json() == {"models": ["fraud", "quotes"]}
        assert client.get("/v2x").status_code == 404
        assert client.get("/v2/health/ready").json() == {"ready": True}
        unknown = client.get("/v2/models/nobody/ready")
        assert (unknown.status_code, unknown.json()) == (400, {"name": "nobody", "ready": False})


def test_http_is_told_what_grpc_is(over_http: Client, over_grpc: Client, target: Target) -> None:
    plain = over_http.told("get_model_metadata", target.model)
    message = over_grpc.told("get_model_metadata", target.model)
    for part in ("inputs", "outputs"):
        assert [one["name"] for one in plain[part]] == [one["name"] for one in message[part]]
