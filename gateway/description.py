"""What a deployment says about itself: the values behind `DescribeDeployment` and its HTTP twin."""

from dataclasses import dataclass


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
