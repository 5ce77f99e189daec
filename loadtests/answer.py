"""What makes an answer a good one: its status, its payload, and that it belongs to the call that was made."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec
from google.protobuf.message import DecodeError

from loadtests.exchange import Exchange
from protos.sluice.v1.prediction_pb2 import PredictResponse


class Verdict(NamedTuple):
    """`fault` is empty for a good answer and else a kind that can be counted; `detail` is one example's own words."""

    fault: str
    detail: str = ""
    fresh: bool = True


FRESH = Verdict("")
NOT_FRESH = Verdict("", fresh=False)

ARMS = {"champion", "canary", "fallback"}
"""The arms that answer callers: a shadow's answer must never reach one."""

WORK_DONE = {"features_stale"}
"""Why an answer may be degraded and still good: what was read was too old, but it was read."""

Judge = Callable[[Exchange], Verdict]
Read = Callable[[bytes, str], Verdict]
"""Judges an answer's message; the text is the request's id. Raises what its decoder raises."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What the deployment promises of its score."""

    minimum: float = 0.0
    maximum: float = 1.0
    output: str = "score"

    def __post_init__(self) -> None:
        if not self.minimum <= self.maximum:
            raise ValueError(f"the contract's minimum {self.minimum} is above its maximum {self.maximum}")


class Prediction(Protocol):
    """What both protocols' predictions have in common."""

    @property
    def outputs(self) -> Mapping[str, float]: ...
    @property
    def decision(self) -> str: ...
    @property
    def arm(self) -> str: ...
    @property
    def bundle_version(self) -> str: ...
    @property
    def degraded(self) -> bool: ...
    @property
    def degraded_reasons(self) -> Iterable[str]: ...
    @property
    def feature_statuses(self) -> Mapping[str, object]: ...


class JsonPrediction(msgspec.Struct):
    """The prediction of a JSON answer."""

    outputs: dict[str, float]
    decision: str
    arm: str
    bundle_version: str
    degraded: bool = False
    rescued: bool = False
    degraded_reasons: list[str] = msgspec.field(default_factory=list)
    feature_statuses: dict[str, object] = msgspec.field(default_factory=dict)


class JsonAnswer(msgspec.Struct):
    """A JSON answer, as far as it is checked."""

    request_id: str
    prediction: JsonPrediction


def grpc_judge(contract: Contract) -> Judge:
    """Judge unary gRPC answers of `Predict`."""

    def read(body: bytes, asked_id: str) -> Verdict:
        answer = PredictResponse.FromString(body)
        return look(contract, asked_id, answer.request_id, answer.prediction)

    return over_grpc("a PredictResponse", read)


def json_judge(contract: Contract) -> Judge:
    """Judge JSON answers, whichever HTTP carried them."""
    decoder = msgspec.json.Decoder(JsonAnswer)

    def read(body: bytes, asked_id: str) -> Verdict:
        answer = decoder.decode(body)
        return look(contract, asked_id, answer.request_id, answer.prediction)

    return over_json(read)


def over_grpc(message: str, read: Read) -> Judge:
    """Judge the message of an answer of grpc-status 0 by `read`; everything else, and no `message`, is a fault."""

    def judge(exchange: Exchange) -> Verdict:
        body = _grpc_body(exchange)
        if isinstance(body, Verdict):
            return body
        try:
            return read(body, exchange.request.request_id)
        except DecodeError as exc:
            return Verdict(f"not {message}", str(exc))

    return judge


def over_json(read: Read) -> Judge:
    """Judge the body of an answer of status 200 by `read`; everything else, and what is no such JSON, is a fault."""

    def judge(exchange: Exchange) -> Verdict:
        if exchange.broken:
            return Verdict(exchange.broken)
        status = exchange.head.get(":status")
        if status != "200":
            return Verdict(f"HTTP {status}", exchange.body[:300].decode(errors="replace"))
        try:
            return read(exchange.body, exchange.request.request_id)
        except msgspec.DecodeError as exc:
            return Verdict("not an answer in JSON", f"{exc}: {exchange.body[:200]!r}")

    return judge


def _grpc_body(exchange: Exchange) -> bytes | Verdict:
    """Return the one message of a unary gRPC answer, or what is wrong with it before it is read."""
    if exchange.broken:
        return Verdict(exchange.broken)
    trailers = exchange.trailers or exchange.head
    status = trailers.get("grpc-status")
    if status != "0":
        kind = f"grpc-status {status}" if status else f"HTTP {exchange.head.get(':status')}, no grpc-status"
        return Verdict(kind, trailers.get("grpc-message", ""))
    body = exchange.body
    if body[:1] != b"\0" or int.from_bytes(body[1:5], "big") != len(body) - 5:
        return Verdict("broken gRPC frame", body[:16].hex())
    return body[5:]


def look(contract: Contract, asked_id: str, answered_id: str, prediction: Prediction) -> Verdict:
    """Judge the prediction itself. A degraded one is a fault if it was answered without the work that is measured."""
    if flaw := flaw_of(contract, asked_id, answered_id, prediction):
        return flaw
    if prediction.degraded and set(prediction.degraded_reasons) != WORK_DONE:
        return Verdict("degraded: " + ", ".join(sorted(prediction.degraded_reasons)))
    return NOT_FRESH if prediction.feature_statuses else FRESH


def flaw_of(contract: Contract, asked_id: str, answered_id: str, prediction: Prediction) -> Verdict | None:
    """Return what no answer may have, degraded or not: another call's id, a score outside the contract, no arm."""
    if not answered_id or (asked_id and asked_id != answered_id):
        return Verdict("wrong request id", f"asked {asked_id!r}, answered {answered_id!r}")
    score = prediction.outputs.get(contract.output, math.nan)
    if not (math.isfinite(score) and contract.minimum <= score <= contract.maximum):
        return Verdict("score outside its contract", f"{contract.output} = {score}")
    if not (prediction.decision and prediction.arm and prediction.bundle_version):
        return Verdict("no decision, arm or version")
    if prediction.arm not in ARMS:
        return Verdict("an arm that answers nobody", prediction.arm)
    return None
