"""One queued call: from its entry to the line, and from what the line said to the result that is kept."""

import asyncio
from collections.abc import Callable
from math import inf

from google.protobuf.message import DecodeError

from gateway.call import Answer, Call, Priority
from gateway.errors import (
    AnswersUnavailable,
    BackendUnavailable,
    DeadlineExceeded,
    DeploymentNotFound,
    FeaturesUnavailable,
    GatewayError,
    InternalError,
)
from gateway.fronts.door import Door
from gateway.fronts.grpc_messages import parse, row_input
from gateway.fronts.grpc_prediction import prediction
from gateway.later.store import Entry
from protos.sluice.v1 import prediction_pb2 as pb

RETRIED = (
    AnswersUnavailable,
    BackendUnavailable,
    DeadlineExceeded,
    DeploymentNotFound,
    FeaturesUnavailable,
    InternalError,
)
"""What may be otherwise the next time, or with another worker."""


async def ask(door: Door, entry: Entry, clock: Callable[[], float]) -> Answer | GatewayError:
    """Have the line answer the call as any other one, after all others. Raises `InvalidRequest`."""
    request = parse(pb.PredictRequest, entry.request)
    row = row_input(request)
    future: asyncio.Future[Answer | GatewayError] = asyncio.get_running_loop().create_future()

    def reply(outcome: Answer | GatewayError) -> None:
        if not future.done():
            future.set_result(outcome)

    call = Call(
        request.deployment,
        row.entities,
        row.features,
        row.unit,
        clock(),
        inf,  # the deployment's own limit holds
        request.request_id,
        Priority.SHEDDABLE,
        entry.traceparent,
        reply,
        future.done,
        own_id=True,  # it is the same in every try
    )
    door.submit(call)
    return await future


def result_of(entry: Entry, outcome: Answer | GatewayError) -> bytes:
    """Return a `sluice.v1.FetchResponse`."""
    response = pb.FetchResponse(result_id=entry.result_id)
    try:
        response.request_id = pb.PredictRequest.FromString(entry.request).request_id
    except DecodeError:  # what cannot be read has no id either
        response.request_id = ""
    if isinstance(outcome, GatewayError):
        response.state = pb.RESULT_STATE_FAILED
        response.error.CopyFrom(pb.Error(code=outcome.code, message=str(outcome)))
    else:
        response.state = pb.RESULT_STATE_ANSWERED
        response.prediction.MergeFromString(prediction(outcome))
    return response.SerializeToString()
