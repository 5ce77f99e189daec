"""`PredictMany` over gRPC: many rows in one call, and an answer that is good only if every one of its rows is."""

from collections.abc import Sequence

from loadtests.answer import FRESH, NOT_FRESH, Contract, Judge, Verdict, look, over_grpc
from loadtests.cases import Case
from loadtests.dialect import Dialect, Target, grpc_frame, grpc_wires, set_values
from loadtests.exchange import Request
from protos.sluice.v1.prediction_pb2 import PredictManyRequest, PredictManyResponse, RowResult

_PATH = "/sluice.v1.Predictions/PredictMany"


def many(target: Target, rows: int) -> Dialect:
    """Return the dialect of calls with `rows` rows each; `many_requests` makes the calls."""

    def encode(case: Case, request_id: str) -> Request:
        return encode_rows(target, [case] * rows, request_id)

    return Dialect("grpc-many", True, encode, grpc_wires(target, _PATH), many_judge(target.contract, rows))


def many_requests(target: Target, cases: Sequence[Case], rows: int) -> list[Request]:
    """Cut the cases into calls of `rows` rows; a rest that would be shorter is left out."""
    starts = range(0, len(cases) - rows + 1, rows)
    return [encode_rows(target, cases[at : at + rows], f"many-{at}") for at in starts]


def encode_rows(target: Target, cases: Sequence[Case], request_id: str) -> Request:
    """Encode one call."""
    message = PredictManyRequest(deployment=target.deployment, request_id=request_id)
    for case in cases:
        row = message.rows.add(unit=case.unit)
        set_values(row.entities, case.entities)
        set_values(row.features, case.features)
    return grpc_frame(message.SerializeToString(), request_id)


def many_judge(contract: Contract, rows: int) -> Judge:
    """Judge answers row by row: the first bad row is the call's fault; not fresh where half its rows or more are not.

    Among many rows there is nearly always one of a new customer: that one says nothing of the call.
    """

    def read(body: bytes, asked_id: str) -> Verdict:
        answer = PredictManyResponse.FromString(body)
        if len(answer.results) != rows:
            return Verdict("wrong number of rows", f"asked {rows}, answered {len(answer.results)}")
        verdicts = [_judge_row(contract, asked_id, answer.request_id, result) for result in answer.results]
        bad = next((verdict for verdict in verdicts if verdict.fault), None)
        return bad or (FRESH if 2 * sum(verdict.fresh for verdict in verdicts) > rows else NOT_FRESH)

    return over_grpc("a PredictManyResponse", read)


def _judge_row(contract: Contract, asked_id: str, answered_id: str, result: RowResult) -> Verdict:
    if result.WhichOneof("result") != "prediction":
        return Verdict(f"row failed: {result.error.code or 'no result'}", result.error.message)
    return look(contract, asked_id, answered_id, result.prediction)
