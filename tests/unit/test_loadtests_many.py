"""Calls of many rows: cut from the cases, and judged row by row."""

import pytest

from loadtests.answer import Contract
from loadtests.cases import Case
from loadtests.dialect import Target
from loadtests.exchange import Exchange
from loadtests.many import many, many_judge, many_requests
from protos.sluice.v1.prediction_pb2 import Error, Prediction, PredictManyRequest, PredictManyResponse, RowResult

TARGET = Target("localhost", 1)
CASES = [Case({"card_id": number}, {"amount": 1.5, "customer_present": True}) for number in range(7)]
GOOD = RowResult(prediction=Prediction(outputs={"score": 0.5}, decision="a", arm="champion", bundle_version="c"))


def answered(*results: RowResult, request_id: str = "many-0", status: str = "0") -> Exchange:
    (request, *_) = many_requests(TARGET, CASES, 2)
    exchange = Exchange(request, 0)
    body = PredictManyResponse(request_id=request_id, results=results).SerializeToString()
    exchange.body = b"\0" + len(body).to_bytes(4, "big") + body
    exchange.trailers = {"grpc-status": status}
    return exchange


def fault(exchange: Exchange) -> str:
    return many_judge(Contract(), 2)(exchange).fault


def test_cases_are_cut_into_calls_and_the_rest_is_left_out() -> None:
    calls = many_requests(TARGET, CASES, 3)
    messages = [PredictManyRequest.FromString(call.body[5:]) for call in calls]
    assert [len(message.rows) for message in messages] == [3, 3]
    assert messages[1].rows[0].entities["card_id"].int64_value == 3
    assert messages[1].rows[0].features["customer_present"].bool_value
    assert [message.request_id for message in messages] == [call.request_id for call in calls] == ["many-0", "many-3"]
    one = many(TARGET, 4).encode(CASES[0], "r")
    assert len(PredictManyRequest.FromString(one.body[5:]).rows) == 4


def test_an_answer_is_good_when_every_row_is() -> None:
    assert fault(answered(GOOD, GOOD)) == ""


@pytest.mark.parametrize(
    ("exchange", "kind"),
    [
        (answered(GOOD), "wrong number of rows"),
        (answered(GOOD, RowResult(error=Error(code="FEATURES_MISSING"))), "row failed: FEATURES_MISSING"),
        (answered(GOOD, RowResult()), "row failed: no result"),
        (answered(GOOD, GOOD, request_id="another"), "wrong request id"),
        (answered(GOOD, GOOD, status="8"), "grpc-status 8"),
        (answered(GOOD, RowResult(prediction=Prediction(outputs={"score": 7.0}))), "score outside its contract"),
    ],
)
def test_one_bad_row_is_the_calls_fault(exchange: Exchange, kind: str) -> None:
    assert fault(exchange) == kind


def test_a_row_that_is_not_fresh_is_remembered() -> None:
    stale = RowResult()
    stale.CopyFrom(GOOD)
    stale.prediction.feature_statuses["a"] = 3
    assert not many_judge(Contract(), 2)(answered(GOOD, stale)).fresh


def test_one_row_among_many_says_nothing_of_the_feature_store() -> None:
    stale = RowResult()
    stale.CopyFrom(GOOD)
    stale.prediction.feature_statuses["a"] = 3
    assert many_judge(Contract(), 3)(answered(GOOD, stale, GOOD)).fresh


def test_bytes_that_are_no_message_are_a_fault() -> None:
    exchange = answered(GOOD, GOOD)
    exchange.body = b"\0\0\0\0\1\xff"
    assert fault(exchange) == "not a PredictManyResponse"
