"""What the generator takes for a good answer, and everything it must not."""

import math
from collections.abc import Callable

import msgspec
import pytest

from loadtests.answer import FRESH, NOT_FRESH, Contract, Judge, grpc_judge, json_judge
from loadtests.exchange import Exchange, Request
from protos.sluice.v1.prediction_pb2 import FEATURE_STATUS_MISSING, Prediction, PredictResponse


def prediction(**changes: object) -> dict[str, object]:
    good = {"outputs": {"score": 0.25}, "decision": "approve", "arm": "champion", "bundle_version": "1"}
    return good | changes


def over_grpc(asked_id: str, answered_id: str, fields: dict[str, object]) -> Exchange:
    message = PredictResponse(request_id=answered_id, prediction=Prediction(**fields)).SerializeToString()  # type: ignore[arg-type]  # any field on purpose
    exchange = Exchange(Request(b"", asked_id), 0)
    exchange.head = {":status": "200"}
    exchange.trailers = {"grpc-status": "0"}
    exchange.body = b"\0" + len(message).to_bytes(4, "big") + message
    return exchange


def over_json(asked_id: str, answered_id: str, fields: dict[str, object]) -> Exchange:
    exchange = Exchange(Request(b"", asked_id), 0)
    exchange.head = {":status": "200"}
    exchange.body = msgspec.json.encode({"request_id": answered_id, "prediction": fields})
    return exchange


Make = Callable[[str, str, dict[str, object]], Exchange]
WAYS = [
    pytest.param(over_grpc, grpc_judge(Contract()), id="grpc"),
    pytest.param(over_json, json_judge(Contract()), id="json"),
]


@pytest.mark.parametrize(("make", "judge"), WAYS)
class TestBothWays:
    def test_a_good_answer(self, make: Make, judge: Judge) -> None:
        assert judge(make("a", "a", prediction())) is FRESH
        assert judge(make("", "chosen", prediction())) is FRESH

    @pytest.mark.parametrize(("asked", "answered"), [("a", "b"), ("a", ""), ("", "")])
    def test_an_answer_to_another_call(self, make: Make, judge: Judge, asked: str, answered: str) -> None:
        assert judge(make(asked, answered, prediction())).fault == "wrong request id"

    @pytest.mark.parametrize("outputs", [{"score": 1.5}, {"score": -0.1}, {}, {"price": 0.5}])
    def test_a_score_outside_its_contract(self, make: Make, judge: Judge, outputs: dict[str, float]) -> None:
        assert judge(make("a", "a", prediction(outputs=outputs))).fault == "score outside its contract"

    @pytest.mark.parametrize("name", ["decision", "arm", "bundle_version"])
    def test_something_unnamed(self, make: Make, judge: Judge, name: str) -> None:
        assert judge(make("a", "a", prediction(**{name: ""}))).fault == "no decision, arm or version"

    @pytest.mark.parametrize(
        ("arm", "fault"), [("canary", ""), ("fallback", ""), ("shadow", "an arm that answers nobody")]
    )
    def test_a_shadow_answers_no_caller(self, make: Make, judge: Judge, arm: str, fault: str) -> None:
        assert judge(make("a", "a", prediction(arm=arm))).fault == fault

    def test_a_degraded_answer_is_not_the_work_that_is_measured(self, make: Make, judge: Judge) -> None:
        degraded = prediction(degraded=True, degraded_reasons=["features_stale", "features_late"])
        assert judge(make("a", "a", degraded)).fault == "degraded: features_late, features_stale"
        assert judge(make("a", "a", prediction(degraded=True))).fault == "degraded: "

    def test_features_too_old_were_read_all_the_same(self, make: Make, judge: Judge) -> None:
        stale = prediction(degraded=True, degraded_reasons=["features_stale"], feature_statuses={"count": 4})
        assert judge(make("a", "a", stale)) is NOT_FRESH

    def test_features_that_were_not_fresh_are_told_apart(self, make: Make, judge: Judge) -> None:
        assert judge(make("a", "a", prediction(feature_statuses={"count": FEATURE_STATUS_MISSING}))) is NOT_FRESH

    def test_a_call_that_broke(self, make: Make, judge: Judge) -> None:
        exchange = make("a", "a", prediction())
        exchange.broken = "connection closed"
        assert judge(exchange).fault == "connection closed"


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite(score: float) -> None:
    judge = grpc_judge(Contract(-math.inf, math.inf))
    assert judge(over_grpc("a", "a", prediction(outputs={"score": score}))).fault == "score outside its contract"


def test_a_refusal_over_grpc_comes_without_a_body() -> None:
    exchange = Exchange(Request(b"", ""), 0)
    exchange.head = {":status": "200", "grpc-status": "8", "grpc-message": "try later"}
    assert grpc_judge(Contract())(exchange)[:2] == ("grpc-status 8", "try later")


def test_an_answer_over_grpc_without_a_status() -> None:
    exchange = over_grpc("a", "a", prediction())
    exchange.trailers = {}
    assert grpc_judge(Contract())(exchange).fault == "HTTP 200, no grpc-status"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "broken gRPC frame"),
        (b"\0\0\0\0\5abc", "broken gRPC frame"),
        (b"\1\0\0\0\1a", "broken gRPC frame"),
        (b"\0\0\0\0\2\x0a\x09", "not a PredictResponse"),
    ],
)
def test_a_broken_body_over_grpc(body: bytes, fault: str) -> None:
    exchange = over_grpc("a", "a", prediction())
    exchange.body = body
    assert grpc_judge(Contract())(exchange).fault == fault


def test_a_refusal_and_a_broken_body_over_json() -> None:
    exchange = over_json("a", "a", prediction())
    exchange.body = b'{"request_id": "a"}'
    assert json_judge(Contract())(exchange).fault == "not an answer in JSON"
    exchange.head = {":status": "429"}
    assert json_judge(Contract())(exchange)[:2] == ("HTTP 429", '{"request_id": "a"}')


def test_a_contract_is_checked_when_made() -> None:
    with pytest.raises(ValueError, match="above its maximum"):
        Contract(1.0, 0.0)
