"""What travels through the line: a call on its way in, an answer on its way out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from gateway.errors import GatewayError

Scalar = int | float | str | bool


class Priority(Enum):
    """Who is let go first under overload: sheddable, then default, critical last."""

    CRITICAL = "critical"
    DEFAULT = "default"
    SHEDDABLE = "sheddable"


class FeatureStatus(IntEnum):
    """How a stored feature ended; the numbers are those of `sluice.v1.FeatureStatus`."""

    FRESH = 1
    NULL = 2
    MISSING = 3
    STALE = 4
    LATE = 5
    BROKEN = 6


@dataclass(slots=True)
class Answer:
    """A prediction, before any front has encoded it.

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


Reply = Callable[[Answer | GatewayError], None]


@dataclass(slots=True, eq=False)
class Call:
    """One row that a caller asks about.

    `received` and `deadline` are readings of the worker's monotonic clock, in seconds; the front takes
    `received` when the bytes are there. `reply` is called exactly once, on the event loop's thread, and must not raise.
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
