"""What goes into the client and what comes out: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Scalar = int | float | str | bool


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the gateway spent its time, in microseconds; `total_us` starts when it had the request."""

    queue_us: int
    features_us: int
    infer_us: int
    total_us: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer to one row.

    `outputs` holds "score" and what the policy made of it. `decision` is one of the deployment's decisions. When
    `degraded` is true, something of the gateway's own was away and a declared default stood in; `degraded_reasons`
    say what. `feature_statuses` names only the features that were not fresh: "null", "missing", "stale", "late",
    "broken". When `rescued` is true, `assigned_arm` could not
    answer and `arm` did. When `replayed` is true, this is what an earlier call of the same request id was told.
    `precomputed_age_s` is how long ago, in seconds, the score was computed ahead; None where it was computed for this
    call. `timings` is None in the answers to many rows, which share one measurement.
    """

    outputs: Mapping[str, float]
    decision: str
    arm: str
    bundle_version: str
    policy_version: str
    degraded: bool
    degraded_reasons: tuple[str, ...]
    feature_statuses: Mapping[str, str]
    request_id: str
    timings: Timings | None = None
    rescued: bool = False
    assigned_arm: str = ""
    replayed: bool = False
    precomputed_age_s: float | None = None

    @property
    def score(self) -> float:
        return self.outputs["score"]


@dataclass(frozen=True, slots=True)
class Submitted:
    """A row that was queued; `result_id` is what its result is fetched by."""

    request_id: str
    result_id: str


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one row of many got no prediction; the other rows are none the worse."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One row to ask about. `unit` only for deployments whose unit comes from the request."""

    entities: Mapping[str, Scalar]
    features: Mapping[str, Scalar] = field(default_factory=dict)
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Predictions:
    """The answers to many rows, in their order: each a Prediction or a RowError."""

    request_id: str
    results: tuple[Prediction | RowError, ...]
    timings: Timings | None


@dataclass(frozen=True, slots=True)
class Field:
    """An entity or a request feature that a deployment takes."""

    name: str
    type: str
    required: bool
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class Arm:
    """Who answers or watches, and its share of the units."""

    arm: str
    bundle_version: str
    bundle_digest: str
    share: float


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deployment wants and who answers it now."""

    deployment: str
    entities: tuple[Field, ...]
    features: tuple[Field, ...]
    unit: str
    budget_ms: int
    policy_version: str
    arms: tuple[Arm, ...]
    decisions: tuple[str, ...]
