"""Every way in which the gateway refuses or fails a call, with a code of its own.

GatewayError
├── InvalidRequest        the call is wrong and will stay wrong: mend it, do not repeat it
├── RequestTooLarge       the body or the number of rows is over the limit
├── DeploymentNotFound    no deployment of that name is served here
├── DeadlineExceeded      the caller's time is over; a late answer would be a failed answer
├── Overloaded            refused before work began; try again later
├── FeaturesUnavailable   a feature that may not be defaulted could not be read, or was too old: try again
├── FeaturesMissing       a feature that may not be defaulted was never stored for this entity
├── AnswersUnavailable    whether the call was answered before cannot be known, and its answer may not change: try again
├── BackendUnavailable    the arm that should answer cannot run
├── QueueUnavailable      nothing can be queued or fetched: there is no queue, or it does not answer
├── ResultNotFound        no result of that id: there was never one, or it is not kept any more
├── PredictionFailed      the model raised, or its score broke the policy's output contract
└── InternalError         a defect of the gateway itself

Codes are ours. Each front owns one table from these classes to its own status (`fronts/status.py`).
"""

TOO_LITTLE_LEFT = "what was left of the deadline would not have sufficed"


class GatewayError(Exception):
    """A call that gets no prediction: `code` is stable and on the wire, the message says what to do."""

    code = "INTERNAL"


class InvalidRequest(GatewayError):
    code = "INVALID_REQUEST"


class RequestTooLarge(GatewayError):
    code = "REQUEST_TOO_LARGE"


class DeploymentNotFound(GatewayError):
    code = "DEPLOYMENT_NOT_FOUND"


class DeadlineExceeded(GatewayError):
    code = "DEADLINE_EXCEEDED"


class Overloaded(GatewayError):
    """`retry_after` is in seconds: before that it is no use to try again."""

    code = "OVERLOADED"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class FeaturesUnavailable(GatewayError):
    code = "FEATURES_UNAVAILABLE"


class FeaturesMissing(GatewayError):
    code = "FEATURES_MISSING"


class AnswersUnavailable(GatewayError):
    code = "ANSWERS_UNAVAILABLE"


class BackendUnavailable(GatewayError):
    code = "BACKEND_UNAVAILABLE"


class QueueUnavailable(GatewayError):
    code = "QUEUE_UNAVAILABLE"


class ResultNotFound(GatewayError):
    code = "RESULT_NOT_FOUND"


class PredictionFailed(GatewayError):
    """`contract` says that there was a score, and that it broke the policy's output contract."""

    code = "PREDICTION_FAILED"

    def __init__(self, message: str, contract: bool = False) -> None:
        super().__init__(message)
        self.contract = contract


class InternalError(GatewayError):
    code = "INTERNAL"

    def __init__(self, message: str = "the gateway failed; its log says why") -> None:
        super().__init__(message)
