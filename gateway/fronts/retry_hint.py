"""What a refusal says of trying again, in each protocol's own words: clients and meshes shall not amplify trouble."""

from math import ceil

from gateway.errors import (
    AnswersUnavailable,
    BackendUnavailable,
    FeaturesUnavailable,
    GatewayError,
    Overloaded,
    QueueUnavailable,
)

# Where something is away, it will hardly be back within the deadline of the same call.
_AWAY = (AnswersUnavailable, BackendUnavailable, FeaturesUnavailable, QueueUnavailable)
_AWAY_SECONDS = 1


def pushback(error: Exception, left: float) -> str | None:
    """The trailer `grpc-retry-pushback-ms` (gRFC A6), with `left` seconds to the caller's deadline.

    A time to wait before the next attempt, or a negative number for "not again": a client that would wait beyond its
    deadline would turn a quick refusal into a slow one.
    """
    if isinstance(error, Overloaded):
        return str(ceil(error.retry_after * 1000)) if error.retry_after < left else "-1"
    return "-1" if isinstance(error, _AWAY) else None


def retry_after(error: GatewayError) -> int | None:
    """The HTTP header `retry-after`, in whole seconds (RFC 9110, 10.2.3)."""
    if isinstance(error, Overloaded):
        return max(1, ceil(error.retry_after))
    return _AWAY_SECONDS if isinstance(error, _AWAY) else None
