"""NVIDIA's clients and the models of NVIDIA's examples, through Sluice: before a real Triton, and in this process.

The same tests ask that Triton itself, so that what they want is what Triton gives.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException  # type: ignore[import-untyped] # shipped without types

from gateway.testing.redis_server import RedisServer
from models.adopt import main as adopt
from tests.conformance.open_inference.clients import KINDS, Client, connected
from tests.conformance.open_inference.passed_models import COLUMNS, MODELS, write_onnx, write_triton
from tests.live.running_gateway import NO_SPARE, start, stop
from tests.real_triton import RealTriton, triton_on

SERVERS = ("triton itself", "triton h2corn", "onnx h2corn", "onnx conservative")
Addresses = tuple[str, str]


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTriton]:
    root = tmp_path_factory.mktemp("triton")
    for model in MODELS:
        write_triton(model, root / "repository")
    with triton_on(root / "repository", root / "log") as running:
        with connected("grpc", running.address, "") as client:
            for model in MODELS:
                client.call("load_model", model.name)
        yield running


@pytest.fixture(scope="module", params=SERVERS)
def addresses(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    triton: RealTriton,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Addresses]:
    kind, front = request.param.split()
    if front == "itself":
        yield triton.address, triton.http
        return
    root = tmp_path_factory.mktemp(kind)
    for model in MODELS:
        where = ["--triton", triton.address]
        if kind == "onnx":
            write_onnx(model, root / f"{model.name}.onnx")
            where = ["--onnx", str(root / f"{model.name}.onnx")]
        flags = ["--bundles", str(root / "bundles"), "--models", str(root / "models")]
        assert adopt([model.name, "1", *where, *flags]) == 0
    running = start(
        *(redis_server, root / "state", front, "--workers", "1", *NO_SPARE, "--triton", triton.address),
        *("--bundles", str(root / "bundles"), "--models", str(root / "models")),
    )
    try:
        yield running.grpc, running.http.removeprefix("http://")
    finally:
        assert stop(running) == 0


@pytest.fixture(scope="module", params=KINDS)
def client(request: pytest.FixtureRequest, addresses: Addresses) -> Iterator[Client]:
    with connected(request.param, *addresses) as found:
        yield found


def numbers(first: int = 0, rows: int = 1) -> NDArray[np.int32]:
    return np.arange(first, first + rows * COLUMNS, dtype=np.int32).reshape(rows, COLUMNS)


def as_texts(array: NDArray[np.int32]) -> NDArray[np.object_]:
    return np.array([str(one).encode() for one in array.reshape(-1)], dtype=np.object_).reshape(array.shape)


@pytest.mark.parametrize("rows", [1, 5])
def test_sums_and_differences(client: Client, rows: int) -> None:
    left, right = numbers(rows=rows), np.ones((rows, COLUMNS), dtype=np.int32)
    result = client.infer("simple", [("INPUT0", "INT32", left), ("INPUT1", "INT32", right)], request_id="r-1")
    assert result.outputs["OUTPUT0"].tolist() == (left + right).tolist()
    assert result.outputs["OUTPUT1"].tolist() == (left - right).tolist()
    assert result.id == "r-1"
    assert result.version == "1"


def test_only_what_is_asked_for_comes_back(client: Client) -> None:
    inputs = [("INPUT0", "INT32", numbers()), ("INPUT1", "INT32", numbers())]
    result = client.infer("simple", inputs, ["OUTPUT1"])
    assert list(result.outputs) == ["OUTPUT1"]
    assert not result.outputs["OUTPUT1"].any()


def test_texts_are_sums_too(client: Client) -> None:
    left, right = numbers(), np.ones((1, COLUMNS), dtype=np.int32)
    inputs = [("INPUT0", "BYTES", as_texts(left)), ("INPUT1", "BYTES", as_texts(right))]
    result = client.infer("simple_string", inputs)
    found = [int(one) for one in result.outputs["OUTPUT0"].reshape(-1)]
    assert found == (left + right).reshape(-1).tolist()


@pytest.mark.parametrize(
    ("model", "datatype", "values"),
    [
        ("simple_int8", "INT8", np.arange(-8, 8, dtype=np.int8)),
        ("simple_fp16", "FP16", np.linspace(-2, 2, COLUMNS, dtype=np.float16)),
        ("simple_bool", "BOOL", np.arange(COLUMNS) % 3 == 0),
    ],
)
def test_every_type_comes_back_as_it_went(
    client: Client, model: str, datatype: str, values: NDArray[np.generic]
) -> None:
    sent = np.asarray(values).reshape(1, COLUMNS)
    back = client.infer(model, [("INPUT0", datatype, sent)]).outputs["OUTPUT0"]
    assert back.dtype == sent.dtype
    assert back.tolist() == sent.tolist()


def test_texts_come_back_to_the_byte(client: Client) -> None:
    values = np.array(["", "grün", "a b", "x" * 1000] * 4, dtype=np.object_).reshape(1, COLUMNS)
    sent = np.array([one.encode() for one in values.reshape(-1)], dtype=np.object_).reshape(values.shape)
    back = client.infer("simple_identity", [("INPUT0", "BYTES", sent)]).outputs["OUTPUT0"].reshape(-1).tolist()
    assert [one.decode() if isinstance(one, bytes) else one for one in back] == values.reshape(-1).tolist()


def test_what_a_model_takes_is_told(client: Client) -> None:
    assert client.call("is_model_ready", "simple")
    told = client.told("get_model_metadata", "simple")
    inputs = {one["name"]: (one["datatype"], [int(extent) for extent in one["shape"]]) for one in told["inputs"]}
    assert inputs == {"INPUT0": ("INT32", [-1, COLUMNS]), "INPUT1": ("INT32", [-1, COLUMNS])}
    assert {one["name"] for one in told["outputs"]} == {"OUTPUT0", "OUTPUT1"}


@pytest.mark.parametrize(
    "inputs",
    [
        [("INPUT0", "INT32", numbers())],
        [("INPUT0", "INT32", numbers()), ("INPUT1", "INT32", numbers()[:, :15])],
        [("INPUT0", "INT32", numbers()), ("INPUT1", "FP32", numbers().astype(np.float32))],
        [("INPUT0", "INT32", numbers()), ("INPUT2", "INT32", numbers())],
    ],
)
def test_what_does_not_fit_is_refused(client: Client, inputs: list[tuple[str, str, NDArray[np.generic]]]) -> None:
    with pytest.raises(InferenceServerException) as refused:
        client.infer("simple", inputs)
    assert refused.value.status() in ("StatusCode.INVALID_ARGUMENT", "400")
    assert client.infer("simple", [("INPUT0", "INT32", numbers()), ("INPUT1", "INT32", numbers())])


def test_a_model_that_is_not_there_is_refused(client: Client) -> None:
    with pytest.raises(InferenceServerException):
        client.infer("no_such_model", [("INPUT0", "INT32", numbers())])
