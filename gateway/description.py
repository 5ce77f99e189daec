"""What a deployment says about itself: the values behind `DescribeDeployment` and its HTTP twin."""

from dataclasses import dataclass

from gateway.tensors.contract import Contract


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One entity or request feature that callers send; `minimum` and `maximum` are None where nothing is limited."""

    name: str
    type: str
    required: bool = True
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class ArmDescription:
    """Who answers (champion, canary) or watches (shadow), and which share of the units it gets, 0 to 1."""

    arm: str
    bundle_version: str
    bundle_digest: str
    share: float


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The champion's one input: a matrix of float32 with so many columns. Who has made it himself may send it whole."""

    name: str
    width: int


@dataclass(frozen=True, slots=True)
class ArmTally:
    """What an arm has done since the gateway's counting began, on all workers, whatever bundle held it. Seconds."""

    answered: int = 0
    failed: int = 0
    runs: int = 0
    answered_seconds: float = 0.0
    queued: int = 0
    queued_seconds: float = 0.0
    reads: int = 0
    reading_seconds: float = 0.0
    """Queueing and reading are the whole deployment's, and stand with the champion."""
    running_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Description:
    """A deployment as its callers need to know it; `unit` reads "entity card_id" or "request session_id"."""

    deployment: str
    entities: tuple[FieldDescription, ...]
    features: tuple[FieldDescription, ...]
    unit: str
    budget_ms: int
    policy_version: str
    arms: tuple[ArmDescription, ...]
    decisions: tuple[str, ...]
    outputs: tuple[str, ...]
    """The numbers that an answer holds: the score, and what the policy makes of it."""
    model_input: ModelInput
    tensors: Contract | None = None
    """Of a pass-through deployment: what its callers send and get, instead of entities and features."""
