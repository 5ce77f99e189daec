"""What became of one call, for its caller: answered, degraded, rescued, refused in time, or failed.

Each call ends in exactly one of them. Whatever comes after the deadline is a failure, also a refusal and also a right
answer; a status that the gateway did not give (a broken connection, a proxy's UNAVAILABLE) is one too.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from google.protobuf.message import DecodeError

from loadtests.answer import Contract, JsonAnswer, Prediction, flaw_of
from loadtests.exchange import Exchange
from protos.sluice.v1.prediction_pb2 import PredictResponse

ANSWERED, DEGRADED, RESCUED, REFUSED, FAILED = range(5)
KINDS = ("answered", "degraded", "rescued", "refused", "failed")

REFUSALS = {
    "OVERLOADED": "8",
    "BACKEND_UNAVAILABLE": "14",
    "FEATURES_UNAVAILABLE": "14",
    "FEATURES_MISSING": "9",
    "DEADLINE_EXCEEDED": "4",
}
"""The gateway's own codes that tell a caller no in good order, each with its gRPC status."""


class Ending(NamedTuple):
    """`kind` is an index into KINDS; `reason` can be counted, `detail` is one example's own words."""

    kind: int
    reason: str = ""
    detail: str = ""


Sort = Callable[[Exchange, float], Ending]
"""Sorts a call that ended, by what came back and the seconds that it took since it was due."""

ANSWERED_FRESH = Ending(ANSWERED)
TURNED_AWAY = Ending(REFUSED, "turned away by the server (HTTP 503)")
"""What a worker's server does, without asking the worker, with calls beyond those that it may have in hand."""


def sort_grpc(contract: Contract, deadline: float) -> Sort:
    """Sort unary gRPC answers of `Predict`."""

    def sort(exchange: Exchange, seconds: float) -> Ending:
        if exchange.broken:
            return Ending(FAILED, exchange.broken)
        trailers = exchange.trailers or exchange.head
        status = trailers.get("grpc-status", "")
        if status == "0":
            return late_or(_of_message(contract, exchange), seconds, deadline)
        if exchange.head.get(":status") == "503":
            return late_or(TURNED_AWAY, seconds, deadline)
        code = trailers.get("sluice-code", "")
        ending = of_refusal(code, f"grpc-status {status}", trailers.get("grpc-message", ""))
        return late_or(ending, seconds, deadline)

    return sort


def sort_json(contract: Contract, deadline: float) -> Sort:
    """Sort JSON answers, whichever HTTP carried them."""
    answers, errors = msgspec.json.Decoder(JsonAnswer), msgspec.json.Decoder(_ErrorAnswer)

    def sort(exchange: Exchange, seconds: float) -> Ending:
        if exchange.broken:
            return Ending(FAILED, exchange.broken)
        status = exchange.head.get(":status")
        if status == "503" and not exchange.body:
            return late_or(TURNED_AWAY, seconds, deadline)
        try:
            if status == "200":
                answer = answers.decode(exchange.body)
                ending = of_prediction(contract, exchange.request.request_id, answer.request_id, answer.prediction)
            else:
                error = errors.decode(exchange.body).error
                ending = of_refusal(error.code, f"HTTP {status}", error.message)
        except msgspec.DecodeError as exc:
            ending = Ending(FAILED, f"HTTP {status}, not the JSON promised", f"{exc}: {exchange.body[:200]!r}")
        return late_or(ending, seconds, deadline)

    return sort


def of_prediction(contract: Contract, asked_id: str, answered_id: str, prediction: Prediction) -> Ending:
    """Sort a prediction that came in time."""
    if flaw := flaw_of(contract, asked_id, answered_id, prediction):
        return Ending(FAILED, flaw.fault, flaw.detail)
    if getattr(prediction, "rescued", False):
        return Ending(RESCUED, f"by the {prediction.arm}")
    if prediction.degraded:
        return Ending(DEGRADED, ", ".join(sorted(prediction.degraded_reasons)))
    return ANSWERED_FRESH


def of_refusal(code: str, status: str, words: str) -> Ending:
    """Sort an answer that is no prediction, by the gateway's own code; without one it is not the gateway's."""
    if not code:
        return Ending(FAILED, f"{status} without a code of the gateway's", words)
    return Ending(REFUSED if code in REFUSALS else FAILED, code, words)


def late_or(ending: Ending, seconds: float, deadline: float) -> Ending:
    """Return the ending, or the failure that it is when it came after the deadline."""
    if seconds <= deadline or ending.kind == FAILED:
        return ending
    return Ending(FAILED, f"late: {KINDS[ending.kind]} {ending.reason}".rstrip(), f"{seconds * 1e3:.0f} ms")


class _Error(msgspec.Struct):
    code: str
    message: str = ""


class _ErrorAnswer(msgspec.Struct):
    error: _Error


def _of_message(contract: Contract, exchange: Exchange) -> Ending:
    body = exchange.body
    if body[:1] != b"\0" or int.from_bytes(body[1:5], "big") != len(body) - 5:
        return Ending(FAILED, "broken gRPC frame", body[:16].hex())
    try:
        answer = PredictResponse.FromString(body[5:])
    except DecodeError as exc:
        return Ending(FAILED, "not a PredictResponse", str(exc))
    return of_prediction(contract, exchange.request.request_id, answer.request_id, answer.prediction)
