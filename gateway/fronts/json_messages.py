"""Translates between the JSON wire's structs and the gateway's own values."""

from collections.abc import Sequence

from gateway.call import Answer
from gateway.errors import GatewayError
from gateway.fronts.exchange import Outcome, RowInput
from gateway.fronts.json_wire import (
    ErrorBody,
    PredictAnswer,
    PredictBody,
    PredictionBody,
    PredictManyAnswer,
    RowAnswer,
    RowBody,
    TimingsBody,
    encode,
)
from gateway.fronts.timings import microseconds, slowest


def row_input(body: PredictBody | RowBody) -> RowInput:
    return RowInput(body.entities, body.features, body.unit)


def predict_answer(request_id: str, answer: Answer) -> bytes:
    return encode(PredictAnswer(request_id, _prediction(answer), _timings(answer)))


def predict_many_answer(request_id: str, outcomes: Sequence[Outcome]) -> bytes:
    slow = slowest(outcomes)
    results = [_row(outcome) for outcome in outcomes]
    return encode(PredictManyAnswer(request_id, results, None if slow is None else _timings(slow)))


def _row(outcome: Outcome) -> RowAnswer:
    if isinstance(outcome, GatewayError):
        return RowAnswer(error=ErrorBody(outcome.code, str(outcome)))
    return RowAnswer(prediction=_prediction(outcome))


def _prediction(answer: Answer) -> PredictionBody:
    return PredictionBody(
        answer.outputs,
        answer.decision,
        answer.arm,
        answer.bundle_version,
        answer.policy_version,
        bool(answer.degraded_reasons),
        answer.degraded_reasons,
        {feature: status.name.lower() for feature, status in answer.statuses.items()},
        bool(answer.assigned),
        answer.assigned or answer.arm,
        answer.replayed,
        answer.precomputed_age_s,
    )


def _timings(answer: Answer) -> TimingsBody:
    return TimingsBody(
        microseconds(answer.queue_time),
        microseconds(answer.features_time),
        microseconds(answer.infer_time),
        microseconds(answer.total_time),
    )
