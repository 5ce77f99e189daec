"""The two tables from the gateway's errors to a status: one for gRPC, one for HTTP."""

from enum import IntEnum

from gateway.errors import (
    AnswersUnavailable,
    BackendUnavailable,
    DeadlineExceeded,
    DeploymentNotFound,
    FeaturesMissing,
    FeaturesUnavailable,
    GatewayError,
    InternalError,
    InvalidRequest,
    Overloaded,
    PredictionFailed,
    QueueUnavailable,
    RequestTooLarge,
    ResultNotFound,
)


class GrpcStatus(IntEnum):
    """The gRPC status codes that Sluice gives."""

    OK = 0
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


GRPC_STATUS: dict[type[GatewayError], GrpcStatus] = {
    GatewayError: GrpcStatus.INTERNAL,
    InvalidRequest: GrpcStatus.INVALID_ARGUMENT,
    RequestTooLarge: GrpcStatus.RESOURCE_EXHAUSTED,
    DeploymentNotFound: GrpcStatus.NOT_FOUND,
    DeadlineExceeded: GrpcStatus.DEADLINE_EXCEEDED,
    Overloaded: GrpcStatus.RESOURCE_EXHAUSTED,
    FeaturesUnavailable: GrpcStatus.UNAVAILABLE,
    FeaturesMissing: GrpcStatus.FAILED_PRECONDITION,
    AnswersUnavailable: GrpcStatus.UNAVAILABLE,
    BackendUnavailable: GrpcStatus.UNAVAILABLE,
    QueueUnavailable: GrpcStatus.UNAVAILABLE,
    ResultNotFound: GrpcStatus.NOT_FOUND,
    PredictionFailed: GrpcStatus.INTERNAL,
    InternalError: GrpcStatus.INTERNAL,
}

HTTP_STATUS: dict[type[GatewayError], int] = {
    GatewayError: 500,
    InvalidRequest: 400,
    RequestTooLarge: 413,
    DeploymentNotFound: 404,
    DeadlineExceeded: 504,
    Overloaded: 429,
    FeaturesUnavailable: 503,
    FeaturesMissing: 422,
    AnswersUnavailable: 503,
    BackendUnavailable: 503,
    QueueUnavailable: 503,
    ResultNotFound: 404,
    PredictionFailed: 500,
    InternalError: 500,
}
