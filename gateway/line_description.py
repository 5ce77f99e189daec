"""What a line looks like to its callers: who answers, with which share, and what must be sent."""

from gateway.description import ArmDescription, Description, FieldDescription, ModelInput
from gateway.line import Line
from gateway.tensors.lane import TensorLane
from routing.split import BUCKETS
from routing.table import CANARY, CHAMPION, FALLBACK, SHADOW


def describe(line: Line) -> Description:
    """Return what callers need to know of a deployment."""
    deployment, table, champion = line.deployment, line.deployment.table, line.lanes.answering[CHAMPION]
    canary_share = 0.0 if table.canary is None else table.canary.weight / BUCKETS
    shares = {CHAMPION: 1.0 - canary_share, CANARY: canary_share, FALLBACK: 0.0}
    arms = [ArmDescription(arm, lane.version, lane.digest, shares[arm]) for arm, lane in line.lanes.answering.items()]
    for shadow, lane in zip(table.shadows, line.lanes.shadows, strict=True):
        arms.append(ArmDescription(SHADOW, lane.version, lane.digest, shadow.rate))
    return Description(
        deployment=deployment.name,
        entities=tuple(FieldDescription(key.name, key.type) for key in champion.plan.entities),
        features=tuple(
            FieldDescription(one.name, one.type, one.required, one.min, one.max) for one in champion.plan.request
        ),
        unit=str(deployment.unit),
        budget_ms=round(deployment.budget * 1000),
        policy_version=deployment.policy.version,
        arms=tuple(arms),
        decisions=deployment.policy.rule.decisions,
        outputs=deployment.policy.rule.outputs,
        model_input=ModelInput(champion.input_name, len(champion.plan.features)),
        tensors=champion.contract if isinstance(champion, TensorLane) else None,
    )
