"""What is put together from bytes must read as what protobuf would have written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call import Answer, FeatureStatus
from gateway.errors import Overloaded
from gateway.fronts.exchange import Outcome
from gateway.fronts.grpc_messages import predict_many_response, predict_response
from gateway.fronts.grpc_prediction import tag, varint
from protos.sluice.v1 import prediction_pb2 as pb

names = st.text(min_size=1, max_size=200)
seconds = st.floats(0, 5000)
answers = st.builds(
    Answer,
    outputs=st.dictionaries(names, st.floats(allow_nan=False), max_size=3),
    decision=names,
    arm=names,
    bundle_version=names,
    policy_version=names,
    degraded_reasons=st.lists(names, max_size=2).map(tuple),
    statuses=st.dictionaries(names, st.sampled_from(FeatureStatus), max_size=3),
    queue_time=seconds,
    features_time=seconds,
    infer_time=seconds,
    total_time=seconds,
    assigned=st.just("") | names,
    replayed=st.booleans(),
    precomputed_age_s=st.none() | st.floats(0, 1e9),
)


@given(answer=answers, request_id=st.text(alphabet="ab-9", max_size=300))
def test_an_answer_reads_as_it_was(answer: Answer, request_id: str) -> None:
    response = pb.PredictResponse.FromString(predict_response(request_id, answer))
    assert response == pb.PredictResponse(
        request_id=request_id, prediction=_prediction(answer), timings=_timings(answer)
    )


@given(rows=st.lists(answers, min_size=1, max_size=3))
def test_many_rows_read_as_they_were(rows: list[Answer]) -> None:
    outcomes: list[Outcome] = [*rows, Overloaded("later")]
    response = pb.PredictManyResponse.FromString(predict_many_response("id", outcomes))
    assert [result.prediction for result in response.results[:-1]] == [_prediction(row) for row in rows]
    assert response.results[-1].error == pb.Error(code="OVERLOADED", message="later")
    assert response.timings.total_us == max(_timings(row).total_us for row in rows)


@pytest.mark.parametrize(("number", "written"), [(0, "00"), (127, "7f"), (128, "8001"), (2**32 - 1, "ffffffff0f")])
def test_varints(number: int, written: str) -> None:
    assert varint(number).hex() == written


def test_an_unknown_field_has_no_tag() -> None:
    with pytest.raises(KeyError):
        tag(pb.PredictResponse, "nothing")


def _prediction(answer: Answer) -> pb.Prediction:
    return pb.Prediction(
        outputs=answer.outputs,
        decision=answer.decision,
        arm=answer.arm,
        bundle_version=answer.bundle_version,
        policy_version=answer.policy_version,
        degraded=bool(answer.degraded_reasons),
        degraded_reasons=answer.degraded_reasons,
        feature_statuses={name: pb.FeatureStatus.ValueType(status) for name, status in answer.statuses.items()},
        rescued=bool(answer.assigned),
        assigned_arm=answer.assigned or answer.arm,
        replayed=answer.replayed,
        precomputed_age_s=answer.precomputed_age_s,
    )


def _timings(answer: Answer) -> pb.Timings:
    return pb.Timings(
        queue_us=_microseconds(answer.queue_time),
        features_us=_microseconds(answer.features_time),
        infer_us=_microseconds(answer.infer_time),
        total_us=_microseconds(answer.total_time),
    )


def _microseconds(duration: float) -> int:
    return min(2**32 - 1, int(duration * 1e6 + 0.5))
