"""Every call ends in exactly one way, and late is late whatever was said."""

import msgspec
import pytest

from loadtests.answer import Contract
from loadtests.exchange import Exchange, Request
from loadtests.faults.ending import ANSWERED, DEGRADED, FAILED, REFUSALS, REFUSED, RESCUED, Sort, sort_grpc, sort_json
from protos.sluice.v1.prediction_pb2 import PredictResponse

GRPC, JSON = sort_grpc(Contract(), 0.1), sort_json(Contract(), 0.1)
PREDICTION = {"outputs": {"score": 0.5}, "decision": "approve", "arm": "champion", "bundle_version": "1"}


def grpc_exchange(status: str = "0", code: str = "", degraded: bool = False, score: float = 0.5) -> Exchange:
    exchange = Exchange(Request(b"", ""), 0)
    exchange.trailers = {"grpc-status": status} | ({"sluice-code": code} if code else {})
    answer = PredictResponse(request_id="a")
    answer.prediction.outputs["score"] = score
    answer.prediction.decision, answer.prediction.arm, answer.prediction.bundle_version = "approve", "champion", "1"
    answer.prediction.degraded = degraded
    body = answer.SerializeToString()
    exchange.body = b"\0" + len(body).to_bytes(4, "big") + body
    return exchange


def json_exchange(status: str, body: object) -> Exchange:
    exchange = Exchange(Request(b"", ""), 0)
    exchange.head = {":status": status}
    exchange.body = msgspec.json.encode(body)
    return exchange


@pytest.mark.parametrize(("degraded", "kind"), [(False, ANSWERED), (True, DEGRADED)])
def test_a_prediction_in_time_is_answered_or_degraded(degraded: bool, kind: int) -> None:
    assert GRPC(grpc_exchange(degraded=degraded), 0.05).kind == kind
    body = {"request_id": "a", "prediction": PREDICTION | {"degraded": degraded}}
    assert JSON(json_exchange("200", body), 0.05).kind == kind


def test_a_rescued_prediction_counts_once_and_as_rescued() -> None:
    body = {"request_id": "a", "prediction": PREDICTION | {"degraded": True, "rescued": True}}
    assert JSON(json_exchange("200", body), 0.05).kind == RESCUED


@pytest.mark.parametrize(("code", "status"), REFUSALS.items())
def test_the_gateways_own_refusals_are_refusals(code: str, status: str) -> None:
    assert GRPC(grpc_exchange(status, code), 0.05)[:2] == (REFUSED, code)
    assert JSON(json_exchange("429", {"error": {"code": code, "message": ""}}), 0.05)[:2] == (REFUSED, code)


def test_a_status_without_the_gateways_code_is_a_failure() -> None:
    assert GRPC(grpc_exchange("14"), 0.05).kind == FAILED
    assert JSON(json_exchange("503", "busy"), 0.05).kind == FAILED


@pytest.mark.parametrize(
    ("sort", "exchange"),
    [
        (GRPC, grpc_exchange()),
        (GRPC, grpc_exchange("8", "OVERLOADED")),
        (JSON, json_exchange("429", {"error": {"code": "OVERLOADED", "message": ""}})),
    ],
)
def test_whatever_comes_after_the_deadline_has_failed(sort: Sort, exchange: Exchange) -> None:
    ending = sort(exchange, 0.101)
    assert ending.kind == FAILED
    assert ending.reason.startswith("late: ")


def test_a_failed_prediction_and_one_outside_its_contract_are_failures() -> None:
    assert GRPC(grpc_exchange("13", "PREDICTION_FAILED"), 0.05)[:2] == (FAILED, "PREDICTION_FAILED")
    assert GRPC(grpc_exchange(score=1.5), 0.05).kind == FAILED


def test_a_broken_connection_is_a_failure_with_its_reason() -> None:
    exchange = grpc_exchange()
    exchange.broken = "connection closed"
    assert GRPC(exchange, 0.05)[:2] == (FAILED, "connection closed")
