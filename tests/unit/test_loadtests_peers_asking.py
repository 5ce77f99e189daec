"""What a peer answers, held against status, frame and row, in each peer's own form."""

import msgspec
import pytest
from tritonclient.grpc import service_pb2

from loadtests.answer import Verdict
from loadtests.cases import Case
from loadtests.dialect import Dialect
from loadtests.exchange import Exchange
from loadtests.peers import open_inference, plain_json
from loadtests.peers.rows import Row, Rows

ADDRESS = ("127.0.0.1", 1)
ROWS = Rows(
    "key",
    ("amount", "gap"),
    tuple(
        Row(Case({"card_id": number}, {"amount": 1.5}), (1.5, float(number)), number / 4, decision)
        for number, decision in enumerate(("approve", "review", "decline"))
    ),
)


def judged(spoken: Dialect, number: int, body: bytes, status: str = "200", **trailers: str) -> Verdict:
    case = ROWS.cases(whole_job=False)[number]
    exchange = Exchange(spoken.encode(case, str(number)), 0)
    exchange.head, exchange.body = {":status": status}, body
    exchange.trailers = {name.replace("_", "-"): value for name, value in trailers.items()}
    return spoken.judge(exchange)


def framed(message: service_pb2.ModelInferResponse) -> bytes:
    body = message.SerializeToString()
    return b"\0" + len(body).to_bytes(4, "big") + body


def raw_answer(number: str, score: bytes) -> service_pb2.ModelInferResponse:
    return service_pb2.ModelInferResponse(id=number, raw_output_contents=[score])


def test_a_row_travels_as_raw_bytes_over_grpc() -> None:
    request = open_inference.over_grpc(ADDRESS, ROWS).encode(ROWS.cases(whole_job=False)[2], "2")
    message = service_pb2.ModelInferRequest.FromString(request.body[5:])
    assert (message.model_name, message.id, list(message.inputs[0].shape)) == ("fraud", "2", [1, 2])
    assert message.raw_input_contents[0].hex() == "0000c03f00000040"


def test_a_score_over_grpc_is_read_from_raw_or_typed_contents() -> None:
    spoken = open_inference.over_grpc(ADDRESS, ROWS)
    raw = raw_answer("2", b"\0\0\0\x3f")
    typed = service_pb2.ModelInferResponse(id="2")
    typed.outputs.add(name="score").contents.fp32_contents.append(0.5)
    assert judged(spoken, 2, framed(raw), grpc_status="0").fault == ""
    assert judged(spoken, 2, framed(typed), grpc_status="0").fault == ""


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        (framed(raw_answer("1", b"\0\0\0\x3f")), "0", "wrong request id"),
        (framed(raw_answer("2", b"\0\0\x80\x3e")), "0", "not the model's score"),
        (framed(raw_answer("2", b"")), "0", "not one score"),
        (b"\0\0\0\0\x02\xff\xff", "0", "not the message that was asked for"),
        (b"\0\0\0\0\x09", "0", "broken gRPC frame"),
        (b"", "14", "grpc-status 14"),
    ],
)
def test_every_other_answer_over_grpc_is_a_fault(body: bytes, status: str, fault: str) -> None:
    assert judged(open_inference.over_grpc(ADDRESS, ROWS), 2, body, grpc_status=status).fault == fault


def test_a_score_in_open_inference_json() -> None:
    spoken = open_inference.over_json(ADDRESS, ROWS)
    request = msgspec.json.decode(spoken.encode(ROWS.cases(whole_job=False)[1], "1").body)
    assert request["id"] == "1"
    assert request["inputs"][0] == {"name": "features", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 1.0]}
    assert judged(spoken, 1, b'{"id": "1", "outputs": [{"name": "score", "data": [0.25]}]}').fault == ""
    assert judged(spoken, 1, b'{"id": "2", "outputs": [{"name": "score", "data": [0.25]}]}').fault == "wrong request id"
    assert judged(spoken, 1, b'{"id": "1", "outputs": []}').fault == "not one score"


def test_a_score_in_plain_json() -> None:
    litserve, bentoml = plain_json.litserve(ADDRESS, ROWS), plain_json.bentoml(ADDRESS, ROWS)
    case = ROWS.cases(whole_job=False)[1]
    assert msgspec.json.decode(litserve.encode(case, "1").body) == {"features": [1.5, 1.0]}
    assert msgspec.json.decode(bentoml.encode(case, "1").body) == {"features": [[1.5, 1.0]]}
    assert judged(litserve, 1, b'{"score": 0.25}').fault == ""
    assert judged(bentoml, 1, b"[[0.25]]").fault == ""
    assert judged(bentoml, 1, b"[[0.25], [0.5]]").fault == "not one score"


def test_the_whole_job_is_asked_with_entities_and_held_against_score_and_decision() -> None:
    spoken = plain_json.by_hand(ADDRESS, ROWS)
    assert msgspec.json.decode(spoken.encode(ROWS.cases(whole_job=True)[1], "1").body) == {"card_id": 1, "amount": 1.5}
    assert judged(spoken, 1, b'{"score": 0.25, "decision": "review"}').fault == ""
    assert judged(spoken, 1, b'{"score": 0.25, "decision": "approve"}').fault == "wrong decision"
    assert judged(spoken, 1, b'{"score": 0.5, "decision": "review"}').fault == "not the model's score"


def test_over_http_every_status_but_200_and_everything_that_is_no_answer_is_a_fault() -> None:
    spoken = plain_json.litserve(ADDRESS, ROWS)
    assert judged(spoken, 1, b"no", status="503") == Verdict("HTTP 503", "no")
    assert judged(spoken, 1, b"<html>").fault == "not an answer in JSON"
    assert judged(spoken, 1, b'{"prediction": 0.25}').fault == "not an answer in JSON"
