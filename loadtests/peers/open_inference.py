"""The Open Inference Protocol as a client speaks it: ModelInfer over gRPC, and the same in JSON.

The messages are those of Triton's own client: a second copy of the package `inference` cannot live in one process.
"""

from collections.abc import Callable
from struct import Struct

import msgspec
from tritonclient.grpc import service_pb2  # type: ignore[import-untyped] # shipped without types

from loadtests.answer import Read, Verdict
from loadtests.cases import Case
from loadtests.dialect import Dialect
from loadtests.peers.asking import Address, grpc_dialect, json_dialect
from loadtests.peers.proof import Proof
from loadtests.peers.rows import Rows

MODEL_NAME = "fraud"
_METHOD = "/inference.GRPCInferenceService/ModelInfer"
_SCORE = Struct("<f")


class Output(msgspec.Struct):
    """One tensor of a JSON answer."""

    name: str
    data: list[float]


class Inference(msgspec.Struct):
    """A JSON answer, as far as it is checked."""

    id: str
    outputs: list[Output]


def over_grpc(address: Address, rows: Rows) -> Dialect:
    """Ask ModelInfer, tensors as raw bytes: the fastest form that the protocol has."""
    return grpc_dialect(address, _METHOD, encode_message, read_message(Proof(rows.scores)))


def over_json(address: Address, rows: Rows) -> Dialect:
    """Ask in JSON."""
    return json_dialect(address, f"/v2/models/{MODEL_NAME}/infer", encode_json, read_json(Proof(rows.scores)))


def encode_message(case: Case, number: str) -> bytes:
    """Encode one row as a ModelInferRequest."""
    values = [float(value) for value in case.features.values()]
    request = service_pb2.ModelInferRequest(model_name=MODEL_NAME, id=number)
    request.inputs.add(name="features", datatype="FP32", shape=[1, len(values)])
    request.raw_input_contents.append(Struct(f"<{len(values)}f").pack(*values))
    encoded: bytes = request.SerializeToString()
    return encoded


def encode_json(case: Case, number: str) -> bytes:
    """Encode one row as a JSON request."""
    values = list(case.features.values())
    tensor = {"name": "features", "datatype": "FP32", "shape": [1, len(values)], "data": values}
    return msgspec.json.encode({"id": number, "inputs": [tensor]})


def read_message(proof: Proof) -> Read:
    """Judge a ModelInferResponse; servers put the score into raw bytes or into typed contents."""
    parse: Callable[[bytes], service_pb2.ModelInferResponse] = service_pb2.ModelInferResponse.FromString

    def read(body: bytes, number: str) -> Verdict:
        answer = parse(body)
        if answer.id != number:
            return Verdict("wrong request id", f"asked {number!r}, answered {answer.id!r}")
        raw = answer.raw_output_contents
        scores = _SCORE.unpack(raw[0]) if raw and len(raw[0]) == _SCORE.size else _typed(answer)
        return proof.judge(number, scores[0]) if len(scores) == 1 else Verdict("not one score", f"{len(scores)} values")

    return read


def read_json(proof: Proof) -> Read:
    """Judge a JSON answer."""
    decoder = msgspec.json.Decoder(Inference)

    def read(body: bytes, number: str) -> Verdict:
        answer = decoder.decode(body)
        if answer.id != number:
            return Verdict("wrong request id", f"asked {number!r}, answered {answer.id!r}")
        if len(answer.outputs) != 1 or len(answer.outputs[0].data) != 1:
            return Verdict("not one score", body[:200].decode(errors="replace"))
        return proof.judge(number, answer.outputs[0].data[0])

    return read


def _typed(answer: service_pb2.ModelInferResponse) -> list[float]:
    return list(answer.outputs[0].contents.fp32_contents) if answer.outputs else []
