"""What travels through the line: a call on its way in, an answer on its way out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from gateway.errors import GatewayError
from gateway.tensor_request import TensorAnswer, TensorRequest

Scalar = int | float | str | bool


class Priority(IntEnum):
    """The order in which calls are served; under overload they are refused in the opposite one."""

    CRITICAL = 0
    DEFAULT = 1
    SHEDDABLE = 2


class FeatureStatus(IntEnum):
    """How a stored feature ended; the numbers are those of `sluice.v1.FeatureStatus`."""

    FRESH = 1
    NULL = 2
    MISSING = 3
    STALE = 4
    LATE = 5
    BROKEN = 6
    LAST_KNOWN = 7


@dataclass(slots=True)
class Answer:
    """A prediction, before any front has encoded it.

    `arm` answered; `assigned`, where it is not the same, is the arm that should have and could not.
    `statuses` names only the features that were not fresh. Times are in seconds.
    """

    outputs: dict[str, float]
    decision: str
    arm: str
    bundle_version: str
    policy_version: str
    degraded_reasons: tuple[str, ...] = ()
    statuses: Mapping[str, FeatureStatus] = field(default_factory=dict)
    queue_time: float = 0.0
    features_time: float = 0.0
    infer_time: float = 0.0
    total_time: float = 0.0
    assigned: str = ""
    tensors: TensorAnswer | None = None
    """Of a pass-through deployment: then there is nothing else to be seen in it."""
    replayed: bool = False
    """Whether this is what an earlier call of the same request id was told."""
    precomputed_age_s: float | None = None
    """How long before its score was computed, in seconds; None where a model has run for it."""


Reply = Callable[[Answer | GatewayError], None]


def _stays() -> bool:
    return False


@dataclass(slots=True, eq=False)
class Call:
    """One row that a caller asks about.

    `received` and `deadline` are readings of the worker's monotonic clock, in seconds; the front takes
    `received` when the bytes are there. `reply` is called exactly once, on the event loop's thread, and must not raise;
    `left` says that the caller does not wait for it any more. `vector`, where there is one, is the model's whole input
    as the caller has made it, a row of little-endian float32: then there are no entities and features, and nothing is
    read.
    """

    deployment: str
    entities: Mapping[str, Scalar]
    features: Mapping[str, Scalar]
    unit: str
    received: float
    deadline: float
    request_id: str
    priority: Priority
    traceparent: str
    reply: Reply
    left: Callable[[], bool] = _stays
    vector: bytes | None = None
    tensors: TensorRequest | None = None
    """What is asked of a pass-through deployment."""
    own_id: bool = False
    """Whether the request id is the caller's own, so that it comes again when the call does."""
