"""Every way in which a call can fail, as the client raises it.

SluiceError
├── InvalidRequest        mend the call; repeating it cannot help
├── RequestTooLarge       send less at once
├── DeploymentNotFound    no deployment of that name
├── DeadlineExceeded      the time given was not enough, or was over before the answer came
├── Overloaded            refused before work began; try again, later and not at once
├── FeaturesUnavailable   a feature that may not be defaulted could not be read; try again
├── FeaturesMissing       such a feature was never stored for this entity; send it with the call if you know it
├── AnswersUnavailable    the answers given before cannot be reached, and this one may not change; try again
├── BackendUnavailable    the model cannot run just now; try again
├── QueueUnavailable      nothing can be queued or fetched just now; try again
├── ResultNotFound        no result of that id is kept
├── PredictionFailed      the model failed on this row
└── Unreachable           no gateway answered at this address; try again

Whatever else the gateway says is a plain SluiceError with its code.
"""

import grpc


class SluiceError(Exception):
    """`code` is Sluice's own and stable, `request_id` finds the call in the gateway's records ("" when unknown)."""

    code = "INTERNAL"
    retryable = False
    """Whether the same call may succeed later."""

    def __init__(self, message: str, request_id: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id
        if code is not None:
            self.code = code


class InvalidRequest(SluiceError):
    code = "INVALID_REQUEST"


class RequestTooLarge(SluiceError):
    code = "REQUEST_TOO_LARGE"


class DeploymentNotFound(SluiceError):
    code = "DEPLOYMENT_NOT_FOUND"


class DeadlineExceeded(SluiceError):
    code = "DEADLINE_EXCEEDED"


class Overloaded(SluiceError):
    code = "OVERLOADED"
    retryable = True


class FeaturesUnavailable(SluiceError):
    code = "FEATURES_UNAVAILABLE"
    retryable = True


class FeaturesMissing(SluiceError):
    code = "FEATURES_MISSING"


class AnswersUnavailable(SluiceError):
    code = "ANSWERS_UNAVAILABLE"
    retryable = True


class BackendUnavailable(SluiceError):
    code = "BACKEND_UNAVAILABLE"
    retryable = True


class QueueUnavailable(SluiceError):
    code = "QUEUE_UNAVAILABLE"
    retryable = True


class ResultNotFound(SluiceError):
    code = "RESULT_NOT_FOUND"


class PredictionFailed(SluiceError):
    code = "PREDICTION_FAILED"


class Unreachable(SluiceError):
    code = "UNREACHABLE"
    retryable = True


_BY_CODE: dict[str, type[SluiceError]] = {kind.code: kind for kind in SluiceError.__subclasses__()}

# For what never reached the gateway's own code: gRPC itself, or a proxy, gave the status.
_BY_STATUS: dict[grpc.StatusCode, type[SluiceError]] = {
    grpc.StatusCode.UNAVAILABLE: Unreachable,
    grpc.StatusCode.CANCELLED: Unreachable,  # grpc.aio's answer to a call that comes while it drains
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.RESOURCE_EXHAUSTED: RequestTooLarge,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
}

# What grpc says where a worker's server, or a proxy before it, answers with HTTP's own status.
_TURNED_AWAY = "status: 503"


def of_code(code: str) -> type[SluiceError]:
    """The class of a code of the gateway's."""
    return _BY_CODE.get(code, SluiceError)


def retryable(code: str) -> bool:
    return of_code(code).retryable


def from_grpc(code: grpc.StatusCode, details: str | None, trailers: dict[str, str]) -> SluiceError:
    """The error that a failed gRPC call stands for."""
    request_id = trailers.get("x-request-id", "")
    ours = trailers.get("sluice-code")
    if ours is not None:
        return of_code(ours)(details or "", request_id, ours)
    if code is grpc.StatusCode.UNAVAILABLE and details is not None and _TURNED_AWAY in details:
        return Overloaded("turned away unread (HTTP 503): whoever stands there has too many calls in hand")
    kind = _BY_STATUS.get(code, SluiceError)
    return kind(details or code.name, request_id, None if code in _BY_STATUS else code.name)
